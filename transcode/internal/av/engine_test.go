//go:build libav && cgo

package av

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

func TestMain(m *testing.M) {
	astiav.SetLogLevel(astiav.LogLevelFatal)
	m.Run()
}

// result is what an engine made.
type result struct {
	sets      []*media.TrackSet
	units     []*media.Unit
	keyframes []wire.Keyframe
	logs      []wire.Log
	levels    []wire.Levels
}

func (r *result) take(m wire.Message) error {
	switch m := m.(type) {
	case wire.Tracks:
		r.sets = append(r.sets, m.TrackSet)
	case wire.Unit:
		r.units = append(r.units, m.Unit)
	case wire.Keyframe:
		r.keyframes = append(r.keyframes, m)
	case wire.Log:
		r.logs = append(r.logs, m)
	case wire.Levels:
		r.levels = append(r.levels, m)
	default:
		return fmt.Errorf("%T", m)
	}
	return nil
}

// of are the units of one kind and layer.
func (r *result) of(k media.Kind, layer int8) (units []*media.Unit) {
	for _, u := range r.units {
		if u.Kind() == k && u.Layer == layer {
			units = append(units, u)
		}
	}
	return units
}

func (r *result) track(t testing.TB, k media.Kind) *media.Track {
	t.Helper()
	if len(r.sets) > 0 {
		for _, track := range r.sets[len(r.sets)-1].Tracks {
			if track.Kind() == k {
				return track
			}
		}
	}
	t.Fatalf("there is no %s track", k)
	return nil
}

// run does a job on messages.
func run(t testing.TB, job wire.Job, messages ...wire.Message) *result {
	t.Helper()
	job.Version = wire.Version
	r := &result{}
	e, err := New(job, r.take)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, m := range messages {
		if err := e.Handle(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.End(); err != nil {
		t.Fatal(err)
	}
	r.check(t)
	return r
}

// check that the units keep the promises of package media.
func (r *result) check(t testing.TB) {
	t.Helper()
	last := make(map[string]media.Ticks)
	for _, u := range r.units {
		id := fmt.Sprintf("%s/%d", u.Track.ID, u.Layer)
		if before, ok := last[id]; ok && u.DTS <= before {
			t.Fatalf("%s: DTS %d after %d", id, u.DTS, before)
		} else if !ok && !u.Flags.Has(media.Key) {
			t.Fatalf("%s begins without a key unit", id)
		}
		last[id] = u.DTS
		if u.PTS < u.DTS || len(u.Access) == 0 || !u.Flags.Has(media.FrameEnd) {
			t.Fatalf("%s: %+v", id, u)
		}
	}
}

func (c clip) messages() []wire.Message {
	ms := []wire.Message{wire.Tracks{TrackSet: c.set}}
	for _, u := range c.units {
		ms = append(ms, wire.Unit{Unit: u})
	}
	return ms
}

func times(units []*media.Unit) (pts []media.Ticks) {
	for _, u := range units {
		pts = append(pts, u.PTS)
	}
	return pts
}

func keys(units []*media.Unit) (pts []media.Ticks) {
	for _, u := range units {
		if u.Flags.Has(media.Key) {
			pts = append(pts, u.PTS)
		}
	}
	return pts
}

// decodeAll decodes units of a track and gives each frame.
func decodeAll(t testing.TB, track *media.Track, layer int8, units []*media.Unit, each func(f *astiav.Frame)) {
	t.Helper()
	d, err := newDecoder(track, layer, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	for _, u := range append(slices.Clone(units), nil) {
		if err := d.decode(u, func(f *astiav.Frame, clean bool) error {
			if !clean {
				t.Errorf("the frame at %d is damaged", f.Pts())
			}
			each(f)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func keepSize(codec media.Codec) *wire.Video {
	return &wire.Video{Codec: wire.Codec(codec), Preset: "ultrafast", KeepSize: true, Layers: []wire.Layer{{}}}
}

// Whatever comes becomes H.264 without B-frames: picture by picture, at the same
// times, with key units where the source has them.
func TestAdaptVideo(t *testing.T) {
	for _, name := range []string{"h264-aac.mp4", "h264-bframes-aac.mp4", "h265-aac.mp4", "av1-opus.mp4"} {
		t.Run(name, func(t *testing.T) {
			c := readClip(t, name).kind(media.KindVideo)
			r := run(t, wire.Job{Video: keepSize(media.CodecH264)}, c.messages()...)
			want := times(c.units)
			slices.Sort(want)
			units := r.of(media.KindVideo, 0)
			if got := times(units); !slices.Equal(got, want) {
				t.Errorf("%d pictures at %v, want %d at %v", len(got), got[:5], len(want), want[:5])
			}
			if got, want := keys(units), keys(c.units); !slices.Equal(got, want) {
				t.Errorf("key units at %v, want %v", got, want)
			}
			track := r.track(t, media.KindVideo)
			if l := track.Layers[0]; l.Width != 320 || l.Height != 180 {
				t.Errorf("%+v", l)
			}
			n := 0
			decodeAll(t, track, 0, units, func(f *astiav.Frame) { n++ })
			if n != len(want) {
				t.Errorf("%d pictures can be decoded, want %d", n, len(want))
			}
		})
	}
}

// Sound becomes Opus or AAC of 48 kHz, as long as it was and in its place.
func TestAdaptAudio(t *testing.T) {
	for _, name := range []string{"h264-aac.mp4", "h264-opus.mp4"} {
		for _, codec := range []media.Codec{media.CodecOpus, media.CodecAAC} {
			for _, channels := range []int{1, 2} {
				t.Run(fmt.Sprintf("%s to %s %d", name, codec, channels), func(t *testing.T) {
					c := readClip(t, name).kind(media.KindAudio)
					r := run(t, wire.Job{Audio: &wire.Audio{Codec: wire.Codec(codec), Channels: channels}}, c.messages()...)
					track := r.track(t, media.KindAudio)
					if track.Rate != soundRate || track.Channels != channels {
						t.Errorf("%+v", track)
					}
					first, last := r.units[0], r.units[len(r.units)-1]
					took := track.Rate.Duration(last.PTS - first.PTS)
					if took < 5900*time.Millisecond || took > 6100*time.Millisecond {
						t.Errorf("from %d to %d", first.PTS, last.PTS)
					}
					samples := 0
					decodeAll(t, track, 0, r.units, func(f *astiav.Frame) { samples += f.NbSamples() })
					if samples < 6*47_000 || samples > 6*49_000 {
						t.Errorf("%d samples", samples)
					}
				})
			}
		}
	}
}
