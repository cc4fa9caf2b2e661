//go:build e2e

package faults

import (
	"testing"
	"time"

	"weir/pipeline/bitstream/flv"
	"weir/pipeline/media"
)

// stream makes the frames of one source in the order in which an encoder sends them.
type stream struct {
	t       testing.TB
	session uint32
	// video and audio are what is sent; nil where there is none. They are changed
	// by change.
	video, audio *media.Track
	fps, gop     int // frames a second, frames from key frame to key frame
	size         int // bytes of a picture
	// clock is what the encoder takes for the time at; nil is the truth. It is
	// asked for every frame, at being its true time.
	clock func(kind media.Kind, at time.Duration) time.Duration

	pictures, sounds pulse
	due              []*media.Track // whose sequence headers are to be sent
	sinceKey         int
}

// pulse counts the frames of a track.
type pulse struct {
	number uint32
	// since is when the present pace began, count how many frames ago.
	since time.Duration
	count int64
}

// newStream is a source of 30 pictures a second with a key frame each second.
func newStream(t testing.TB, session uint32, video, audio *media.Track) *stream {
	t.Helper()
	s := &stream{t: t, session: session, fps: 30, gop: 30, size: 400}
	s.change(video, audio)
	return s
}

// change makes other tracks those of the frames to come; the picture starts with a
// key frame.
func (s *stream) change(video, audio *media.Track) {
	now := s.now()
	if audio != s.audio {
		s.sounds = pulse{number: s.sounds.number, since: max(now, s.when(s.audio, s.sounds))}
	}
	if video != s.video {
		s.pictures, s.sinceKey = pulse{number: s.pictures.number, since: max(now, s.when(s.video, s.pictures))}, 0
	}
	s.due = nil
	for _, t := range []*media.Track{video, audio} {
		if t != nil && t != s.video && t != s.audio {
			s.due = append(s.due, t)
		}
	}
	s.video, s.audio = video, audio
}

// pace changes the number of pictures a second.
func (s *stream) pace(fps int) {
	s.pictures = pulse{number: s.pictures.number, since: s.when(s.video, s.pictures)}
	s.fps, s.gop, s.sinceKey = fps, fps, 0
}

// now is the time of the next frame.
func (s *stream) now() time.Duration {
	v, a := s.when(s.video, s.pictures), s.when(s.audio, s.sounds)
	switch {
	case s.video == nil && s.audio == nil:
		return 0
	case s.video == nil:
		return a
	case s.audio == nil:
		return v
	default:
		return min(v, a)
	}
}

// when is the time of a track's next frame.
func (s *stream) when(t *media.Track, p pulse) time.Duration {
	switch {
	case t == nil:
		return 0
	case t.Kind() == media.KindVideo:
		return p.since + time.Duration(p.count)*time.Second/time.Duration(s.fps)
	case t.Codec == media.CodecOpus:
		return p.since + t.Rate.Duration(media.Ticks(p.count*960))
	default:
		return p.since + t.Rate.Duration(media.Ticks(p.count*1024))
	}
}

// frame is one frame of a stream with what has to be sent for it.
type frame struct {
	mark
	kind media.Kind
	tags []flv.Tag
}

// next is the next frame.
func (s *stream) next() frame {
	at := s.now()
	track, p, key, size := s.audio, &s.sounds, true, min(s.size, 400)
	if s.video != nil && s.when(s.video, s.pictures) == at {
		track, p, key, size = s.video, &s.pictures, s.sinceKey%s.gop == 0, s.size
		s.sinceKey++
	}
	f := frame{kind: track.Kind(), mark: mark{s.session, p.number, at}}
	wire := at
	if s.clock != nil {
		wire = s.clock(f.kind, at)
	}
	stamp := uint32(wire.Round(time.Millisecond) / time.Millisecond)
	for _, t := range s.due {
		tag, err := flv.SequenceHeader(t, 0, stamp)
		if err != nil {
			s.t.Fatal(err)
		}
		f.tags = append(f.tags, tag)
	}
	s.due = nil
	u := flv.Unit{Track: track, DTS: stamp, Access: access(track.Codec, key, f.mark, size)}
	if key {
		u.Flags = media.Key
	}
	tag, err := flv.Mux(u)
	if err != nil {
		s.t.Fatal(err)
	}
	f.tags = append(f.tags, tag)
	p.number++
	p.count++
	return f
}
