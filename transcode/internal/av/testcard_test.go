//go:build libav && cgo

package av

import (
	"testing"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/testcard"
	"weir/transcode/wire"
)

func cardJob() wire.Job {
	return wire.Job{
		Version: wire.Version, Test: &wire.Test{Width: 640, Height: 360, FPS: 30},
		Video: ladderOf(1000, wire.Layer{Name: "a"}, wire.Layer{Name: "b", Height: 180, Bitrate: 150_000}),
		Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus)},
	}
}

// hasten runs a metronome without waiting.
func hasten(t testing.TB, job wire.Job, length time.Duration) *result {
	t.Helper()
	r := &result{}
	out := &outlet{send: r.take}
	m := metronome{set: testTracks(job), test: *job.Test}
	ps := []processor{newCard(job, out), newBeeps(*job.Audio, out)}
	next := make([]int64, len(ps))
	for i, p := range ps {
		if err := p.track(m.set.Tracks[i]); err != nil {
			t.Fatal(err)
		}
	}
	for {
		i, pts := m.first(next)
		track := m.set.Tracks[i]
		if track.Rate.Duration(pts) >= length {
			break
		}
		next[i]++
		if err := ps[i].unit(&media.Unit{Track: track, PTS: pts, DTS: pts}); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range ps {
		if err := p.end(true); err != nil {
			t.Fatal(err)
		}
	}
	r.check(t)
	return r
}

// Each picture of a test card says its number after it was scaled and coded, and each
// second begins with a click.
func TestCard(t *testing.T) {
	r := hasten(t, cardJob(), 10*time.Second)
	track := r.track(t, media.KindVideo)
	for i := range track.Layers {
		n := uint64(0)
		decodeAll(t, track, int8(i), r.of(media.KindVideo, int8(i)), func(f *astiav.Frame) {
			luma := lumaOf(t, f)
			got, ok := testcard.Read(f.Width(), f.Height(), func(x, y int) uint8 { return luma[y*f.Width()+x] })
			if want := media.Ticks(n * 3000); !ok || got != n || media.Ticks(f.Pts()) != want {
				t.Fatalf("layer %d: picture %d at %d says %d, %v", i, n, f.Pts(), got, ok)
			}
			n++
		})
		if n != 300 {
			t.Errorf("layer %d: %d pictures", i, n)
		}
	}
	at := heard(t, r.track(t, media.KindAudio), r.of(media.KindAudio, 0))
	if len(at) < 9 {
		t.Errorf("clicks at %v", at)
	}
	for _, got := range at {
		if off := (got+24_000)%48_000 - 24_000; off < -96 || off > 96 {
			t.Errorf("a click at %v", soundRate.Duration(got))
		}
	}
}

// A test card comes in real time, without any input.
func TestCardRuns(t *testing.T) {
	units := make(chan *media.Unit, 1000)
	e, err := New(cardJob(), func(m wire.Message) error {
		if u, ok := m.(wire.Unit); ok {
			units <- u.Unit
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	begin := time.Now()
	for range 100 {
		<-units
	}
	took := time.Since(begin)
	if took < 500*time.Millisecond { // 110 units a second
		t.Errorf("100 units in %v", took)
	}
	if err := e.End(); err != nil {
		t.Error(err)
	}
}
