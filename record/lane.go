package record

import (
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/fmp4"
	"weir/pipeline/media"
)

// lane is the way of one track and layer into its rendition.
type lane struct {
	track *media.Track
	layer int8
	part  int    // the place of its rendition
	num   uint32 // track_ID there
	shift media.Ticks

	// held is the newest unit, which is written once the next one shows how long it
	// lasts; last is how long the one before it lasted.
	held    *media.Unit
	last    media.Ticks
	samples []fmp4.Sample // complete, of the fragment under way
	bytes   int
}

// longestSample is the most that a sample may last: a hole that is longer begins a new
// timeline.
const longestSample = 10 * time.Second

// push takes the next unit. It refuses one whose decoding time does not rise.
func (l *lane) push(u *media.Unit) bool {
	if l.held != nil {
		d := u.DTS - l.held.DTS
		if d <= 0 {
			return false
		}
		l.complete(d)
	}
	l.held = u
	return true
}

func (l *lane) complete(d media.Ticks) {
	l.samples = append(l.samples, fmp4.Sample{Unit: l.held, Duration: d})
	l.bytes += fmp4.JoinedSize(l.track.Codec, l.held.Access)
	l.held, l.last = nil, d
}

// settle completes the held unit, of which nothing shows how long it lasts.
func (l *lane) settle() {
	if l.held == nil {
		return
	}
	if l.last <= 0 {
		l.last = fmp4.Nominal(l.held)
	}
	l.complete(l.last)
}

// longestTail is the most by which a track is made longer at the end of a timeline.
const longestTail = time.Second

// evenOut makes the last samples of lanes last as long as the longest does, so that
// players have no hole there, which some never get over.
func evenOut(lanes []*lane) {
	var end time.Duration
	for _, l := range lanes {
		end = max(end, l.end())
	}
	for _, l := range lanes {
		if n := len(l.samples); n > 0 && end-l.end() < longestTail {
			l.samples[n-1].Duration += l.track.Rate.Ticks(end - l.end())
		}
	}
}

// end is when the last of the lane's samples has been shown; 0 without any.
func (l *lane) end() (last time.Duration) {
	for _, s := range l.samples {
		last = max(last, l.track.Rate.Duration(s.Unit.PTS+s.Duration))
	}
	return last
}

// takeBefore is the samples that decode before a time, which leave the lane.
func (l *lane) takeBefore(at time.Duration) []fmp4.Sample {
	n := len(l.samples)
	for n > 0 && l.samples[n-1].Unit.Time() >= at {
		n--
	}
	taken := l.samples[:n:n]
	l.samples = append([]fmp4.Sample(nil), l.samples[n:]...)
	l.bytes = 0
	for _, s := range l.samples {
		l.bytes += fmp4.JoinedSize(l.track.Codec, s.Unit.Access)
	}
	return taken
}

// fits says whether a unit can go on with what the lane was set up for.
func (l *lane) fits(t *media.Track) bool {
	a := l.track
	return a == t || a.Codec == t.Codec && a.Rate == t.Rate && a.Channels == t.Channels &&
		string(a.LayerConfig(l.layer)) == string(t.LayerConfig(l.layer)) && l.sized(t)
}

// sized says whether the pictures of a track are as large as those of the lane, which not
// every configuration tells.
func (l *lane) sized(t *media.Track) bool {
	w, h := fmp4.Size(l.track, l.layer)
	width, height := fmp4.Size(t, l.layer)
	return w == width && h == height
}

// chunk is a fragment of the runs of one rendition.
func chunk(sequence uint32, runs []fmp4.Run) ([]byte, error) {
	head, payload := fmp4.Head(sequence, runs...)
	b := append(make([]byte, 0, len(head)+payload), head...)
	for _, r := range runs {
		for _, s := range r.Samples {
			var err error
			if b, err = bitstream.Append(b, s.Unit.Track.Codec, s.Unit.Access); err != nil {
				return nil, err
			}
		}
	}
	return b, nil
}
