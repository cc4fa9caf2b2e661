package rtp

import (
	"time"

	"weir/pipeline/media"
)

// Bounds of a [Reorder] that nobody configured. Retransmissions have come, or will
// not, after that time on all but the longest roads.
const (
	DefaultReorderPackets = 1024
	DefaultReorderWait    = 400 * time.Millisecond
)

// Reorder brings the packets of one layer of one track into the order of their
// sequence numbers and drops repeats. It holds packets back only behind a hole,
// until what is missing arrives, the first packet held has waited long enough, or
// there is no more room. What it gives up is a hole in the sequence numbers, which
// a [Depacketizer] sees. It belongs to one goroutine and starts none: time is
// Unit.Arrived, and what [Reorder.Expire] is told.
type Reorder struct {
	slots []*media.Unit // a packet stands in the slot of its sequence number
	wait  time.Duration

	started bool
	ssrc    uint32
	next    uint16 // what is to come out next
	held    int
	astray  uint16 // follows the last packet from far behind
	strays  bool   // astray is set

	stats ReorderStats
}

// ReorderStats count packets.
type ReorderStats struct {
	Lost  uint64 // given up
	Late  uint64 // dropped, because they came after they had been given up, or twice
	Moved uint64 // held back until they could follow another
}

// NewReorder makes a buffer of at least packets, which is between 1 and 16384.
func NewReorder(packets int, wait time.Duration) *Reorder {
	size := 1
	for size < min(packets, 1<<14) {
		size *= 2
	}
	return &Reorder{slots: make([]*media.Unit, size), wait: wait}
}

// Push takes a packet and appends to dst what can go on in order. Another SSRC, a
// Discontinuity, a jump ahead by more than there is room for, or two packets in a
// row from that far behind begin a new sequence: what was held goes first.
func (r *Reorder) Push(dst []*media.Unit, u *media.Unit) []*media.Unit {
	ahead := int(int16(u.RTP.Sequence - r.next))
	switch {
	case !r.started || u.RTP.SSRC != r.ssrc || u.Flags.Has(media.Discontinuity) || ahead >= len(r.slots):
		dst = r.begin(dst, u)
	case ahead <= -len(r.slots) && r.strays && u.RTP.Sequence == r.astray:
		dst = r.begin(dst, u)
	case ahead < 0:
		r.stats.Late++
		r.strays, r.astray = ahead <= -len(r.slots), u.RTP.Sequence+1
		return dst
	}
	slot := r.slot(u.RTP.Sequence)
	if *slot != nil {
		r.stats.Late++
		return dst
	}
	r.strays = false
	*slot = u
	r.held++
	dst = r.drain(dst)
	if r.held > 0 && *r.slot(u.RTP.Sequence) != nil {
		r.stats.Moved++
	}
	return r.Expire(dst, u.Arrived)
}

// Expire appends to dst what has waited long enough at that time.
func (r *Reorder) Expire(dst []*media.Unit, now time.Time) []*media.Unit {
	for r.held > 0 {
		missing := r.missing()
		first := *r.slot(r.next + missing)
		if now.Sub(first.Arrived) < r.wait {
			break
		}
		dst = r.skip(dst, missing)
	}
	return dst
}

// Flush appends to dst all that is held, for instance at the end of the stream.
func (r *Reorder) Flush(dst []*media.Unit) []*media.Unit {
	for r.held > 0 {
		dst = r.skip(dst, r.missing())
	}
	return dst
}

// Stats are the counters so far.
func (r *Reorder) Stats() ReorderStats { return r.stats }

func (r *Reorder) begin(dst []*media.Unit, u *media.Unit) []*media.Unit {
	dst = r.Flush(dst)
	if ahead := u.RTP.Sequence - r.next; r.started && u.RTP.SSRC == r.ssrc && ahead < 1<<15 {
		r.stats.Lost += uint64(ahead)
	}
	r.started, r.strays, r.ssrc, r.next = true, false, u.RTP.SSRC, u.RTP.Sequence
	return dst
}

func (r *Reorder) slot(sequence uint16) *(*media.Unit) {
	return &r.slots[int(sequence)&(len(r.slots)-1)]
}

// missing is how many packets are missing before the first that is held. The
// caller made sure that there is one.
func (r *Reorder) missing() uint16 {
	n := uint16(0)
	for *r.slot(r.next + n) == nil {
		n++
	}
	return n
}

// skip gives up on n packets.
func (r *Reorder) skip(dst []*media.Unit, n uint16) []*media.Unit {
	r.next += n
	r.stats.Lost += uint64(n)
	return r.drain(dst)
}

// drain moves on to the next hole.
func (r *Reorder) drain(dst []*media.Unit) []*media.Unit {
	for r.held > 0 {
		slot := r.slot(r.next)
		if *slot == nil {
			break
		}
		dst = append(dst, *slot)
		*slot = nil
		r.held--
		r.next++
	}
	return dst
}
