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

// hasten runs the metronomes without waiting, from a time on.
func hasten(t testing.TB, job wire.Job, from, length time.Duration) *result {
	t.Helper()
	r := &result{}
	out := &outlet{send: r.take}
	ps := []processor{newCard(job, out), newBeeps(*job.Audio, out)}
	for i, track := range testTracks(job).Tracks {
		if err := ps[i].track(track); err != nil {
			t.Fatal(err)
		}
		m := newMetronome(track, *job.Test)
		for n := m.number(track.Rate.Ticks(from)); ; n++ {
			pts := m.at(n)
			if track.Rate.Duration(pts) >= from+length {
				break
			}
			if err := ps[i].unit(&media.Unit{Track: track, PTS: pts, DTS: pts}); err != nil {
				t.Fatal(err)
			}
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
	for _, from := range []time.Duration{0, time.Hour} {
		checkCard(t, hasten(t, cardJob(), from, 10*time.Second), from)
	}
}

func checkCard(t *testing.T, r *result, from time.Duration) {
	t.Helper()
	begin := uint64(from.Seconds() * 30)
	track := r.track(t, media.KindVideo)
	for i := range track.Layers {
		n := uint64(0)
		decodeAll(t, track, int8(i), r.of(media.KindVideo, int8(i)), func(f *astiav.Frame) {
			luma := lumaOf(t, f)
			got, ok := testcard.Read(f.Width(), f.Height(), func(x, y int) uint8 { return luma[y*f.Width()+x] })
			if want := media.Ticks((begin + n) * 3000); !ok || got != begin+n || media.Ticks(f.Pts()) != want {
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

// A test card comes in real time, by the time since its epoch, without any input.
func TestCardRuns(t *testing.T) {
	units := make(chan *media.Unit, 1000)
	job := cardJob()
	epoch := time.Now().Add(-time.Hour)
	job.Test.Epoch = wire.Instant{Time: epoch}
	e, err := New(job, func(m wire.Message) error {
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
		u := <-units
		if off := time.Since(epoch) - u.Track.Rate.Duration(u.PTS); off < -50*time.Millisecond || off > 5*time.Second {
			t.Errorf("%s at %v is made at %v", u.Track.ID, u.Track.Rate.Duration(u.PTS), time.Since(epoch))
		}
	}
	if took := time.Since(begin); took < 500*time.Millisecond { // 110 units a second
		t.Errorf("100 units in %v", took)
	}
	if err := e.End(); err != nil {
		t.Error(err)
	}
}

// A metronome finds back from a time to the unit, at any rate and for years.
func TestMetronome(t *testing.T) {
	for _, fps := range []float64{1, 24, 25, 29.97, 30, 59.94, 60, 240} {
		m := newMetronome(&media.Track{Codec: media.CodecH264, Rate: media.VideoRate}, wire.Test{FPS: fps})
		for n := int64(0); n < 1<<36; n = n*2 + 1 {
			if got := m.number(m.at(n)); got != n {
				t.Fatalf("%g frames/s: %d at %d is %d", fps, n, m.at(n), got)
			}
			if i := m.inSecond(n); i < 0 || float64(i) > fps {
				t.Fatalf("%g frames/s: %d is number %d of its second", fps, n, i)
			}
		}
	}
}
