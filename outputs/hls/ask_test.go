package hls

import (
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

// A browser sends key pictures only when it is asked for them: every layer is, once the
// segment is long enough, so that there is a whole one to begin with.
func TestAsksForKeyPictures(t *testing.T) {
	s := newStudio(t, nil)
	const frame = media.VideoRate / 30
	now := media.Ticks(0)
	due := map[int8]media.Ticks{} // when the key picture comes: two pictures later
	s.segmenter.ask = func(k media.KeyframeRequest) {
		if due[k.Layer] < now {
			due[k.Layer] = now + media.Ticks(2*frame)
		}
	}
	for _, item := range ladder(stagetest.Both(), 0, 9*time.Second) {
		if u, ok := item.(*media.Unit); ok && isVideo(u) {
			v := *u
			now = v.DTS
			if v.Flags &^= media.Key; now == due[v.Layer] {
				v.Flags |= media.Key
			}
			item = &v
		}
		s.take(item)
	}
	for _, name := range s.names() {
		if name == "audio" {
			continue
		}
		l := parse(t, s.text(t, name+".m3u8"))
		if got, want := l.outline(), "2.07s 2.07s 2.07s 2.07s"; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// Who sends key pictures often enough by itself is not asked for more.
func TestAsksNobodyInVain(t *testing.T) {
	s := newStudio(t, nil)
	s.segmenter.ask = func(k media.KeyframeRequest) { t.Errorf("asked for %+v", k) }
	s.feed(movie(stagetest.Both(), 0, 9*time.Second))
}
