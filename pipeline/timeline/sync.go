package timeline

import (
	"time"

	"weir/pipeline/media"
)

const (
	// syncSlew: a stream is brought into step by at most one part in syncSlew of the
	// time that passes.
	syncSlew = 20
	// syncMost is the largest correction that is believed. Beyond it the sender's
	// reports are about clocks that have nothing to do with each other.
	syncMost = 5 * time.Second
	// syncJitter and one part in syncDrift of the time between them is by how much two
	// reports may differ about how much time that was on their two clocks.
	syncJitter = 50 * time.Millisecond
	syncDrift  = 100
)

// Sync brings the RTP clocks of one sender's streams onto one clock, which a [Line]
// can take as the peer's. RTP clocks begin anywhere (RFC 3550 section 5.1). To begin
// with, a stream's first packet is believed to be as old as it seems; once sender
// reports have told the same moment on two clocks (section 6.4.1), the stream moves
// to where they put it, slowly enough for its timestamps to go on rising. Streams
// move, the first one does not: that should be the sound, which nobody wants stretched.
//
// The zero Sync is of no use. It is not safe for concurrent use.
type Sync struct {
	wire  media.Rate
	lead  *SyncStream
	began time.Time // the first arrival
	wall  time.Time // the sender's, of the first report
}

// NewSync makes a Sync whose common clock has that rate; a multiple of the streams'
// loses nothing.
func NewSync(wire media.Rate) *Sync { return &Sync{wire: wire} }

// SyncStream is one stream of a [Sync].
type SyncStream struct {
	sync   *Sync
	rate   media.Rate
	widen  Unwrapper
	placed bool
	last   int64 // RTP time of the latest packet, unwrapped
	// shift is added to RTP time, in ticks of the common clock, to get there; told is
	// the same for the sender's wall clock.
	shift, told int64
	// wall and report are the sender's two clocks in the last report, at its RTP time
	// unwrapped. It is believed unless it contradicts the one before.
	reported, believed bool
	wall               time.Time
	report             uint32
	at                 int64
}

// Stream adds a stream whose RTP clock has that rate. One that leads is what the
// others are brought into step with; without one, the first is.
func (s *Sync) Stream(rate media.Rate, leads bool) *SyncStream {
	t := &SyncStream{sync: s, rate: rate, widen: NewUnwrapper(32)}
	if leads || s.lead == nil {
		s.lead = t
	}
	return t
}

// Wire is a packet's time on the common clock. Packets come in order.
func (t *SyncStream) Wire(rtp uint32, arrived time.Time) int64 {
	s := t.sync
	now := t.widen.Unwrap(uint64(rtp))
	if !t.placed {
		if s.began.IsZero() {
			s.began = arrived
		}
		t.placed, t.last = true, now
		t.shift = int64(s.wire.Ticks(arrived.Sub(s.began))) - t.common(now)
	}
	t.slew(t.common(now - t.last))
	t.last = max(t.last, now)
	return t.common(now) + t.shift
}

// Report says that the sender's wall clock showed wall at the RTP time rtp. The same
// report may be told again. It counts once the stream has had a packet. A report whose
// two clocks have not gone on equally since the one before is not believed, nor is that
// one any longer: some senders, GStreamer's webrtcbin for one, let RTP time run at twice
// its pace in their reports.
func (t *SyncStream) Report(wall time.Time, rtp uint32) {
	if !t.placed || t.reported && rtp == t.report {
		return
	}
	s := t.sync
	if s.wall.IsZero() {
		s.wall = wall
	}
	at := t.last + int64(int32(rtp-uint32(t.last)))
	passed := s.wire.Duration(media.Ticks(t.common(at - t.at)))
	t.believed = !t.reported || (wall.Sub(t.wall)-passed).Abs() <= syncJitter+passed.Abs()/syncDrift
	t.reported, t.wall, t.report, t.at = true, wall, rtp, at
	t.told = int64(s.wire.Ticks(wall.Sub(s.wall))) - t.common(at)
}

// Capture is what the sender's wall clock showed at the RTP time rtp, zero if that is
// not known.
func (t *SyncStream) Capture(rtp uint32) time.Time {
	if !t.believed {
		return time.Time{}
	}
	return t.wall.Add(t.rate.Duration(media.Ticks(int32(rtp - t.report))))
}

// slew moves the stream towards where the reports put it.
func (t *SyncStream) slew(passed int64) {
	lead := t.sync.lead
	if t == lead || !t.believed || !lead.believed {
		return
	}
	off := lead.shift + t.told - lead.told - t.shift
	if most := int64(t.sync.wire.Ticks(syncMost)); off > most || off < -most {
		return
	}
	step := max(0, passed) / syncSlew
	t.shift += min(max(off, -step), step)
}

func (t *SyncStream) common(rtp int64) int64 {
	return int64(media.Rescale(media.Ticks(rtp), t.rate, t.sync.wire))
}
