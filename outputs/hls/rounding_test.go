package hls

import (
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

// Sound that starts with the picture, but for the rounding of its clock, is not
// before it.
func TestRoundedSoundIsNotBeforeThePicture(t *testing.T) {
	set := stagetest.Both()
	sound := *set.Tracks[1]
	sound.Rate, sound.Config = 44_100, []byte{0x12, 0x10}
	set = &media.TrackSet{Version: 1, Tracks: []*media.Track{set.Tracks[0], &sound}}
	const at = 10003 * time.Millisecond // 441132.3 samples
	items := movie(set, at, 3*time.Second)
	first := slices.IndexFunc(items, func(it media.Item) bool { u, ok := it.(*media.Unit); return ok && isAudio(u) })
	if u, _ := items[first].(*media.Unit); sound.Rate.Duration(u.PTS) >= at {
		t.Fatalf("the first sound is at %v", sound.Rate.Duration(u.PTS))
	}
	s := newStudio(t, nil)
	s.feed(items)
	s.end()
	got := 0
	for _, seg := range parse(t, s.text(t, "audio.m3u8")).segments {
		var parts fmp4.Parts
		if err := parts.Unmarshal([]byte(s.text(t, seg.name))); err != nil {
			t.Fatal(err)
		}
		for _, p := range parts {
			got += len(p.Tracks[0].Samples)
		}
	}
	if sent := len(where(items, isAudio)) - 1; got != sent {
		t.Errorf("%d of %d frames of sound", got, sent)
	}
}
