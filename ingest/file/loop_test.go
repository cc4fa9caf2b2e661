package file

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/pipeline/media"
)

const clips = "../../testdata/media"

func openClip(t *testing.T, name string) clip {
	t.Helper()
	f, err := os.Open(filepath.Join(clips, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	c, _, err := open(f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// passes plays n passes without waiting.
func passes(t *testing.T, c clip, n int) map[media.TrackID][]media.Unit {
	t.Helper()
	got := map[media.TrackID][]media.Unit{}
	for l := newLoop(c, 0); l.pass < int64(n); l.pass++ {
		for {
			f, err := c.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := l.place(&f, func(u media.Unit) error {
				got[u.Track.ID] = append(got[u.Track.ID], u)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.rewind(); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

// Through a hundred passes sound follows to the sample and pictures keep their
// cadence, and the two stay together.
func TestSeam(t *testing.T) {
	const n = 100
	for name, frame := range map[string]media.Ticks{
		"h264-aac.mp4": 1024, "h264-bframes-aac.mp4": 1024, "h265-aac.mp4": 1024,
		"h264-opus.mp4": 960, "av1-opus.mp4": 960, "h264-aac.flv": 1024,
		"audio-only.mp4": 1024, "video-only.mp4": 0,
	} {
		t.Run(name, func(t *testing.T) {
			c := openClip(t, name)
			if ticks, scale := c.period(); scale.Duration(media.Ticks(ticks)) != 6*time.Second {
				t.Fatalf("a pass of %d/%d", ticks, scale)
			}
			got := passes(t, c, n)
			if v := got["video"]; name != "audio-only.mp4" {
				checkPictures(t, v, n, name == "h264-aac.flv")
			}
			a := got["audio"]
			for i := range a {
				if want := a[0].DTS + media.Ticks(i)*frame; a[i].DTS != want || a[i].PTS != want {
					t.Fatalf("unit %d of sound at %d, want %d", i, a[i].DTS, want)
				}
			}
			if frame > 0 {
				end := a[0].Track.Rate.Duration(a[len(a)-1].DTS + frame - a[0].DTS)
				if off := end - n*6*time.Second; off.Abs() > 35*time.Millisecond {
					t.Errorf("after %d passes sound is off by %v", n, off)
				}
			}
		})
	}
}

func checkPictures(t *testing.T, v []media.Unit, n int, coarse bool) {
	t.Helper()
	if len(v) != n*180 {
		t.Fatalf("%d pictures, want %d", len(v), n*180)
	}
	for i := range v {
		want := v[0].DTS + media.Ticks(i)*3000
		if off := v[i].DTS - want; off != 0 && (!coarse || off > 60 || off < -60) {
			t.Fatalf("picture %d at %d, want %d", i, v[i].DTS, want)
		}
		if v[i].PTS < v[i].DTS {
			t.Fatalf("picture %d is shown at %d and decoded at %d", i, v[i].PTS, v[i].DTS)
		}
		if i%180 == 0 && !v[i].Flags.Has(media.Key) {
			t.Fatalf("pass %d does not begin with a key unit", i/180)
		}
	}
}

// fake is a clip of made up units.
type fake struct {
	frames []frame
	i      int
	ticks  int64
}

func (f *fake) tracks() []*media.Track      { return nil }
func (f *fake) period() (int64, media.Rate) { return f.ticks, 48_000 }
func (f *fake) lead() time.Duration         { return 0 }
func (f *fake) rewind() error               { f.i = 0; return nil }
func (f *fake) next() (frame, error) {
	if f.i == len(f.frames) {
		return frame{}, io.EOF
	}
	f.i++
	return f.frames[f.i-1], nil
}

// Sound that ends before the picture: a short hole is filled, a long one stays.
func TestSoundThatEndsEarly(t *testing.T) {
	track := &media.Track{ID: "audio", Codec: media.CodecAAC, Rate: 48_000}
	for _, c := range []struct {
		name  string
		ticks int64
		want  []media.Ticks
	}{
		{"exact", 2048, []media.Ticks{0, 1024, 2048, 3072, 4096, 5120}},
		{"a bit", 2500, []media.Ticks{0, 1024, 2048, 3072, 4096, 5120, 6144}},
		{"short", 4000, []media.Ticks{0, 1024, 2048, 3072, 4096, 5120, 6144, 7168, 8192, 9216}},
		{"long", 48_000, []media.Ticks{0, 1024, 48_000, 49_024, 96_000, 97_024}},
		{"cut off", 1024, []media.Ticks{0, 1024, 2048}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fake{ticks: c.ticks}
			for i := range int64(2) {
				f.frames = append(f.frames, frame{track: track, scale: 48_000, dts: i * 1024, pts: i * 1024, samples: 1024})
			}
			got := passes(t, f, 3)["audio"]
			if len(got) != len(c.want) {
				t.Fatalf("%d units, want %d", len(got), len(c.want))
			}
			for i, u := range got {
				if u.DTS != c.want[i] {
					t.Errorf("unit %d at %d, want %d", i, u.DTS, c.want[i])
				}
			}
		})
	}
}
