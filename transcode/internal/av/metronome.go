//go:build libav && cgo

package av

import (
	"time"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// metronome says when the units of one track of a test card are due.
type metronome struct {
	track *media.Track
	// beat is the units in 1000 seconds.
	beat media.Rate
}

// soundBeat is that of units of beepSamples.
const soundBeat = 1000 * soundRate / beepSamples

// behind is how late a unit may be before those that were missed are left out.
const behind = time.Second

func newMetronome(t *media.Track, test wire.Test) metronome {
	if t.Kind() == media.KindAudio {
		return metronome{t, soundBeat}
	}
	return metronome{t, media.Rate(test.FPS*1000 + 0.5)}
}

// at is when unit n is shown or heard.
func (m metronome) at(n int64) media.Ticks {
	return media.Rescale(media.Ticks(n), m.beat, 1000*m.track.Rate)
}

// number is that of the unit that is due at a time, or next to it.
func (m metronome) number(at media.Ticks) int64 {
	return int64(media.Rescale(at, 1000*m.track.Rate, m.beat))
}

// inSecond counts the units of the same second before unit n.
func (m metronome) inSecond(n int64) int64 {
	second := m.at(n) / media.Ticks(m.track.Rate) * media.Ticks(m.track.Rate)
	first := m.number(second)
	if m.at(first) < second {
		first++
	}
	return n - first
}

// run gives each unit when it is due, by the time since epoch, until done is closed.
func (m metronome) run(epoch time.Time, done <-chan struct{}, give func(*media.Unit)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := m.number(m.track.Rate.Ticks(time.Since(epoch))); ; n++ {
		due := epoch.Add(m.track.Rate.Duration(m.at(n)))
		if late := time.Since(due); late > behind {
			n = m.number(m.track.Rate.Ticks(time.Since(epoch)))
			due = epoch.Add(m.track.Rate.Duration(m.at(n)))
		}
		timer.Reset(time.Until(due))
		select {
		case <-done:
			return
		case <-timer.C:
		}
		pts := m.at(n)
		give(&media.Unit{Track: m.track, PTS: pts, DTS: pts, Capture: due, Arrived: due, Flags: media.FrameEnd})
	}
}
