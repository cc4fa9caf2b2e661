package mixer

import (
	"math"
	"time"
)

// How the one who speaks is found, in dB below full scale.
const (
	// spoken is what must be reached to be heard at all.
	spoken = -45.0
	// louder is how much louder than the one who speaks another one must be.
	louder = 6.0
	// silence is where levels are cut off, so that a pause counts no more than it lasts.
	silence = -60.0
	// smoothing is how long a voice must last to count, and how long it is remembered.
	smoothing = 500 * time.Millisecond
	// hold is how long somebody stands out, at least.
	hold = 2 * time.Second
)

// floor finds who has the floor: the one whose voice was loudest lately. It changes no
// more often than every two seconds, and only for somebody who is clearly louder, so
// that a cough, or two who speak at once, do not make the picture flap. The zero floor
// is nobody's.
type floor struct {
	voices map[string]float64 // smoothed levels
	heard  time.Time
	who    string // "" before anybody has spoken
	since  time.Time
}

// hear takes the levels of all who take part, in dB below full scale. Who is not among
// them is gone. It says whether the floor has changed hands.
func (f *floor) hear(now time.Time, levels map[string]float64) (changed bool) {
	share := 1.0
	if !f.heard.IsZero() {
		share = 1 - math.Exp(-float64(now.Sub(f.heard))/float64(smoothing))
	}
	f.heard = now
	voices := make(map[string]float64, len(levels))
	for who, level := range levels {
		before, known := f.voices[who]
		if !known {
			before = silence
		}
		voices[who] = before + share*(max(silence, min(level, 0))-before)
	}
	f.voices = voices
	loudest := f.loudest()
	current, here := voices[f.who]
	switch {
	case f.who != "" && !here:
		f.give(loudest, now)
		return true
	case loudest == "" || loudest == f.who:
		return false
	case f.who != "" && (now.Sub(f.since) < hold || voices[loudest] < current+louder):
		return false
	}
	f.give(loudest, now)
	return true
}

// loudest is who speaks loudest, "" if nobody does.
func (f *floor) loudest() string {
	best := ""
	for who, v := range f.voices {
		if v >= spoken && (best == "" || v > f.voices[best] || v == f.voices[best] && who < best) {
			best = who
		}
	}
	return best
}

func (f *floor) give(who string, now time.Time) { f.who, f.since = who, now }
