package rtmp

import (
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// quiet is how far pictures may be ahead of the sound before that is filled.
const quiet = 400 * time.Millisecond

// silence fills in sound that is missing, by the times of the pictures.
type silence struct {
	track *media.Track // of the sound, or ours if there is none
	next  media.Ticks  // where the sound goes on
	begun bool
}

// before is the silence that goes in front of a unit, and whether the unit itself is
// wanted: sound that comes too late for its place is not.
func (s *silence) before(u *media.Unit) (fill []*media.Unit, wanted bool) {
	if u.Kind() == media.KindAudio {
		if s.begun && s.track == u.Track && u.DTS < s.next-frameTicks(u)/2 {
			return nil, false
		}
		s.track, s.begun, s.next = u.Track, true, u.DTS+frameTicks(u)
		return nil, true
	}
	t := s.track
	frame := bitstream.Silence(t)
	if frame == nil {
		return nil, true
	}
	now := t.Rate.Ticks(u.Time())
	if !s.begun {
		s.begun, s.next = true, now
	}
	patience := media.Ticks(0)
	if t.ID != silentID {
		patience = t.Rate.Ticks(quiet)
	}
	if now-s.next < patience {
		return nil, true
	}
	if far := t.Rate.Ticks(10 * time.Second); now-s.next > far { // a new timeline
		s.next = now
	}
	for s.next <= now {
		f := &media.Unit{
			Track: t, PTS: s.next, DTS: s.next, Arrived: u.Arrived, Flags: media.Key | media.FrameEnd, Access: [][]byte{frame},
		}
		fill = append(fill, f)
		s.next += frameTicks(f)
	}
	return fill, true
}

const silentID media.TrackID = "silence"
