package hls

import (
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/fmp4"
	"weir/pipeline/media"
)

// lane is the way of one track and layer to its rendition. It lasts as long as the
// segmenter, whatever becomes of the track.
type lane struct {
	name  string
	id    media.TrackID
	layer int8
	kind  media.Kind

	// track is what the timeline under way was started with; nil if the lane has no
	// part in it.
	track *media.Track
	init  *section
	// at is where the segment under way starts; begun says that there is one.
	at    boundary
	begun bool
	gap   bool // the segment before it is a gap

	// cut makes the lane's rendition. A passenger, the audio of MPEG-TS beside video,
	// has none: it is written into those of the riders.
	cut       *cutter
	passenger bool
	riders    []*cutter

	// pending are units that wait for the lead.
	pending []*media.Unit
	// heard is how far the lead was when the lane's last unit came. outrun is since when
	// the lead is quiet further; came says that a unit came on the timeline under way.
	heard  time.Duration
	outrun time.Time
	came   bool
}

// Bounds of what waits for the lead.
const (
	maxPending     = 8192
	maxPendingTime = 12 * time.Second
)

// hold appends a unit to those that wait. It returns how many had to go for it.
func (l *lane) hold(u *media.Unit) int {
	l.pending = append(l.pending, u)
	drop := 0
	for len(l.pending)-drop > 1 {
		oldest := l.pending[drop]
		if len(l.pending)-drop <= maxPending && u.Time()-oldest.Time() <= maxPendingTime {
			break
		}
		drop++
	}
	l.shift(drop)
	return drop
}

// shift forgets the first n pending units.
func (l *lane) shift(n int) {
	if n == 0 {
		return
	}
	rest := copy(l.pending, l.pending[n:])
	clear(l.pending[rest:])
	l.pending = l.pending[:rest]
}

// hears says that all has come for now, when the lead was that far.
func (l *lane) hears(lead time.Duration) { l.heard, l.outrun = lead, time.Time{} }

// when is the time that decides in which segment a unit is: that of presentation,
// but in the order of decoding.
func (l *lane) when(u *media.Unit) time.Duration {
	if l.kind == media.KindVideo {
		return u.Track.Rate.Duration(u.DTS + l.cut.offset)
	}
	return u.Track.Rate.Duration(u.PTS)
}

// put writes a unit into the segment under way. It returns why it did not, or "".
// After a gap, a segment's first unit is a key unit.
func (l *lane) put(u *media.Unit) (refused string) {
	switch {
	case l.passenger:
		for _, c := range l.riders {
			c.ride(u)
		}
	case l.cut.open():
		if !l.cut.push(u) {
			return risesNot
		}
	case l.gap && !u.Flags.Has(media.Key):
		return keyLess
	case u.Track.Rate.Duration(u.PTS) < l.at.at-nearly:
		return gaveUp
	default:
		l.cut.begin(l.at, l.init, u)
		if l.gap && l.kind == media.KindVideo { // sound that begins late is not missed
			l.cut.late(l.at)
		}
	}
	return ""
}

// close ends the segment under way. next is the decoding time of what follows on
// the same timeline, or 0. A segment without units is a gap as long as the lead's
// segment.
func (l *lane) close(end time.Duration, next media.Ticks) {
	if l.cut.open() {
		l.gap = l.cut.seg.gap == paused
		l.cut.finish(next)
		return
	}
	l.cut.gap(l.at, end)
	l.gap = true
}

// sameConfig says whether a decoder set up for a can go on with b.
func sameConfig(a, b *media.Track, layer int8) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a == b || a.Codec == b.Codec && a.Rate == b.Rate && a.Channels == b.Channels &&
		string(a.LayerConfig(layer)) == string(b.LayerConfig(layer))
}

// holeTolerance is how far a unit of audio may be from the end of the one before
// it until silence is put between them.
const holeTolerance = 100 * time.Millisecond

// filler is a silent unit for the hole in front of u, or nil if there is none.
func (l *lane) filler(u *media.Unit) *media.Unit {
	if l.kind != media.KindAudio || l.passenger || l.cut.held == nil ||
		l.cut.span(l.cut.held.DTS+fmp4.Nominal(l.cut.held), u.DTS) < holeTolerance {
		return nil
	}
	return silent(l.track, l.cut.held.DTS+fmp4.Nominal(l.cut.held))
}

// silent is a unit of silence at dts, or nil if we know none for the track.
func silent(t *media.Track, dts media.Ticks) *media.Unit {
	if t == nil {
		return nil
	}
	frame := bitstream.Silence(t)
	if frame == nil {
		return nil
	}
	return &media.Unit{
		Track: t, PTS: dts, DTS: dts,
		Flags: media.Key | media.FrameEnd, Access: [][]byte{frame},
	}
}
