//go:build libav && cgo

package av

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// talk is what a server might say, as bytes.
func talk(t testing.TB, c clip, job wire.Job, also ...wire.Message) []byte {
	t.Helper()
	var b bytes.Buffer
	w := wire.NewWriter(&b)
	job.Version = wire.Version
	for _, m := range slices.Concat([]wire.Message{wire.Hello{Version: wire.Version}, job}, also, c.messages()) {
		if err := w.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Whatever the protocol lets through, an engine handles: what it makes is well formed,
// and all it has opened is closed.
func FuzzEngine(f *testing.F) {
	short := func(name string) clip {
		c := readClip(f, name)
		c.units = c.units[:8]
		return c
	}
	both := wire.Job{Video: ladderOf(1000, wire.Layer{Name: "a"}, wire.Layer{Name: "b", Width: 64, FPS: 10}), Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus)}}
	f.Add(talk(f, short("h264-bframes-aac.mp4"), both))
	mixed := both
	mixed.Mix = &wire.Mix{Width: 160, Height: 90, FPS: 15, Normalize: true}
	f.Add(talk(f, short("h264-aac.mp4"), mixed,
		wire.Sprite{ID: 1, Width: 1, Height: 2, Pixels: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		wire.Scene{
			Boxes:   []wire.Box{{Track: "video", Width: 1, Height: 0.9, Crop: true, Border: 0.1, Opacity: 1}},
			Sprites: []wire.Place{{Sprite: 1, X: 0.5, Y: 0.9, Width: 0.5, Opacity: 0.5}}, FadeMillis: 100,
		}))
	f.Add(talk(f, short("h265-aac.mp4"), wire.Job{Video: keepSize(media.CodecH264)}))
	f.Add(talk(f, short("av1-opus.mp4"), wire.Job{Audio: &wire.Audio{Codec: wire.Codec(media.CodecAAC), Channels: 1}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		in, r := wire.NewReader(bytes.NewReader(b)), &result{}
		var e *Engine
		for {
			m, err := in.Read()
			if err != nil {
				break
			}
			if job, ok := m.(wire.Job); ok && e == nil {
				if large(job) {
					return
				}
				if e, err = New(job, r.take); err != nil {
					return
				}
				defer e.Close()
			} else if e != nil && e.Handle(m) != nil {
				return
			}
		}
		if e == nil {
			return
		}
		if err := e.End(); err != nil && errors.Is(err, errDamaged) {
			t.Errorf("damage in the source ends the job: %v", err)
		}
		r.check(t)
	})
}

// A source may do what it likes in any order: units with wrong bits, times and flags,
// changes of its tracks, wishes and controls. Three bytes of a script are one deed.
func FuzzSource(f *testing.F) {
	var clips []clip
	for _, name := range []string{"h264-bframes-aac.mp4", "h265-aac.mp4", "av1-opus.mp4"} {
		c := readClip(f, name)
		c.units = c.units[:24]
		clips = append(clips, c)
	}
	f.Add([]byte{0, 0, 1, 0, 0, 2, 1, 9, 3, 0, 0, 4, 5, 1, 0, 0, 0, 5})
	f.Add([]byte{2, 1, 0, 0, 0, 1, 3, 200, 2, 0, 0, 3, 4, 1, 1, 6, 50, 0, 0, 0, 4})
	f.Add([]byte{0, 0, 1, 7, 2, 0, 0, 0, 2, 8, 3, 0, 2, 2, 0, 0, 0, 0, 0, 0, 5})
	f.Fuzz(func(t *testing.T, script []byte) {
		r := &result{}
		e, err := New(wire.Job{
			Version: wire.Version, Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus)},
			Video: ladderOf(500, wire.Layer{Name: "a"}, wire.Layer{Name: "b", Width: 64, FPS: 10}),
		}, r.take)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		s := source{t: t, e: e, clips: clips}
		s.change(0)
		for ; len(script) >= 3 && len(script) < 600; script = script[3:] {
			s.deed(script[0]%9, script[1], script[2])
		}
		if err := e.End(); err != nil {
			t.Errorf("the source ends the job: %v", err)
		}
		r.check(t)
	})
}

// source does what a script says.
type source struct {
	t     *testing.T
	e     *Engine
	clips []clip
	clip  clip
	next  int
	by    media.Ticks
}

func (s *source) handle(m wire.Message) {
	if err := s.e.Handle(m); err != nil {
		s.t.Fatalf("the source ends the job: %v", err)
	}
}

func (s *source) change(i int) {
	s.clip = s.clips[i%len(s.clips)]
	s.handle(wire.Tracks{TrackSet: s.clip.set})
}

func (s *source) deed(which, a, b byte) {
	yes := b%2 == 0
	switch which {
	case 0, 1: // a unit, with a wrong bit
		for range b%8 + 1 {
			s.unit(which == 1, int(a))
		}
	case 2:
		s.change(int(a))
	case 3: // the clock jumps
		s.by += media.Ticks(int8(a)) << (b % 40)
	case 4:
		s.handle(wire.Keyframe{Track: uint16(a % 3), Layer: int8(b)})
	case 5:
		s.handle(wire.Control{Track: "video", Layer: int8(a % 4), Paused: &yes})
	case 6:
		s.handle(wire.Control{Track: "video", Layer: int8(b % 4), Bitrate: int64(a) << (b % 30), FPS: float64(a)})
	case 7: // a broken configuration
		set := &media.TrackSet{Version: 1}
		for _, track := range s.clip.set.Tracks {
			c := *track
			c.Config = bytes.Clone(c.Config)
			c.Config[int(a)%len(c.Config)] ^= 1 << (b % 8)
			set.Tracks = append(set.Tracks, &c)
		}
		s.handle(wire.Tracks{TrackSet: set})
	case 8:
		s.next = int(a)
	}
}

func (s *source) unit(wrong bool, at int) {
	u := *s.clip.units[s.next%len(s.clip.units)]
	by := s.by + media.Ticks(s.next/len(s.clip.units))*72_000
	u.PTS += by
	u.DTS += by
	if wrong {
		u.Access = slices.Clone(u.Access)
		i := at % len(u.Access)
		u.Access[i] = bytes.Clone(u.Access[i])
		u.Access[i][at%len(u.Access[i])] ^= 1 << (at % 8)
		u.Flags ^= media.Flags(at) & (media.Gap | media.Key | wire.Preroll)
	}
	s.next++
	s.handle(wire.Unit{Unit: &u})
}

// large says whether a job would only take long.
func large(job wire.Job) bool {
	if m := job.Mix; m != nil && (m.Width > 640 || m.Height > 640 || m.FPS > 30 || m.LatencyMillis > 500) {
		return true
	}
	if job.Video == nil {
		return false
	}
	for _, l := range job.Video.Layers {
		if l.Width > 640 || l.Height > 640 {
			return true
		}
	}
	return len(job.Video.Layers) > 3
}
