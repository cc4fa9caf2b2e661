package whep

import (
	"sync/atomic"
	"time"

	"weir/pipeline/media"
)

const (
	// videoHeld and audioHeld are how many packets of a flow are held, for
	// retransmission and for viewers who join: some seconds of each. Powers of two.
	videoHeld = 4096
	audioHeld = 256
)

// flow is one layer of one track: its newest packets, for all shards. One goroutine
// writes it; any number read it, without locks.
type flow struct {
	track media.TrackID
	layer int8
	codec media.Codec

	head     atomic.Uint64 // packets so far; the newest is number head-1
	key      atomic.Uint64 // one more than the number of the newest key picture's first packet; 0 is none
	ring     []atomic.Pointer[media.Unit]
	sequence []atomic.Pointer[media.Unit] // the same by RTP sequence number

	// shown is the PTS of the newest picture, backward how many came that are shown
	// before the one that was sent before them, since the last key picture: B-frames, which browsers cannot order.
	shown    media.Ticks
	backward atomic.Int32

	pace    pace
	uneven  atomic.Int64 // by how much more some packets were late than others, ns
	meter   meter
	bitrate atomic.Int64 // as it was lately, in bit/s; 0 if that is not known
}

func newFlow(t *media.Track, layer int8) *flow {
	held := videoHeld
	if t.Kind() == media.KindAudio {
		held = audioHeld
	}
	return &flow{
		track: t.ID, layer: layer, codec: t.Codec,
		ring: make([]atomic.Pointer[media.Unit], held), sequence: make([]atomic.Pointer[media.Unit], held),
	}
}

// push adds a packet.
func (f *flow) push(u *media.Unit) {
	n := f.head.Load()
	f.ring[n&uint64(len(f.ring)-1)].Store(u)
	f.sequence[int(u.RTP.Sequence)&(len(f.sequence)-1)].Store(u)
	f.head.Store(n + 1)
	if u.PTS < f.shown && u.Kind() == media.KindVideo && !u.Flags.Has(media.Discontinuity) {
		f.backward.Add(1)
	}
	f.shown = u.PTS
	if u.Flags.Has(media.Key) && !f.reordered() {
		f.backward.Store(0)
	}
	if u.Flags.Has(media.Key) {
		f.key.Store(n + 1)
	}
	f.uneven.Store(int64(f.pace.add(u)))
	f.bitrate.Store(f.meter.add(u.Arrived, len(u.RTP.Payload)))
}

// at is packet number n, or nil if it is held no longer. n is below head.
func (f *flow) at(n uint64) *media.Unit {
	u := f.ring[n&uint64(len(f.ring)-1)].Load()
	if f.head.Load()-n >= uint64(len(f.ring)) { // the writer may be replacing it
		return nil
	}
	return u
}

// behind is how much later than u the newest packet came.
func (f *flow) behind(u *media.Unit) time.Duration {
	n := f.head.Load()
	if n == 0 {
		return 0
	}
	newest := f.at(n - 1)
	if newest == nil {
		return 0 // the writer is that fast
	}
	return newest.Arrived.Sub(u.Arrived)
}

// numbered is the packet with an RTP sequence number, or nil.
func (f *flow) numbered(sequence uint16) *media.Unit {
	u := f.sequence[int(sequence)&(len(f.sequence)-1)].Load()
	if u == nil || u.RTP.Sequence != sequence {
		return nil
	}
	return u
}

// freshKey is the number of the first packet of the newest key picture, if that is
// held and came no longer ago than age.
func (f *flow) freshKey(now time.Time, age time.Duration) (n uint64, ok bool) {
	n = f.key.Load()
	if n == 0 {
		return 0, false
	}
	u := f.at(n - 1)
	return n - 1, u != nil && now.Sub(u.Arrived) <= age
}

// mostBackward is how many pictures may be out of order by accident.
const mostBackward = 2

// reordered says that pictures are sent in another order than they are shown in.
func (f *flow) reordered() bool { return f.backward.Load() > mostBackward }

// deadAfter is how long nothing comes of a layer that its source has stopped.
const deadAfter = 1500 * time.Millisecond

// dead says that nothing has come for a while, or nothing ever.
func (f *flow) dead(now time.Time) bool {
	n := f.head.Load()
	if n == 0 {
		return true
	}
	newest := f.at(n - 1)
	return newest != nil && now.Sub(newest.Arrived) > deadAfter
}

// history finds packets of a track for retransmission, by layer.
type history struct{ flows atomic.Pointer[[]*flow] }

// Packet implements egress.History.
func (h *history) Packet(layer int8, sequence uint16) *media.Unit {
	flows := h.flows.Load()
	if flows == nil || layer < 0 || int(layer) >= len(*flows) {
		return nil
	}
	return (*flows)[layer].numbered(sequence)
}

// pace measures how evenly packets come: the spread of their delays over the last
// seconds.
type pace struct {
	origin *media.Unit // delays are relative to its
	slots  [paceSlots]spread
	second int64 // the newest slot's, since origin
}

// spread is of the delays in one second.
type spread struct{ least, most time.Duration }

const paceSlots = 8

// add notes a packet and returns the spread.
func (p *pace) add(u *media.Unit) time.Duration {
	if p.origin == nil || p.origin.Track.Rate != u.Track.Rate || u.Flags.Has(media.Discontinuity) {
		*p = pace{origin: u}
	}
	since := u.Arrived.Sub(p.origin.Arrived)
	delay := since - u.Track.Rate.Duration(u.PTS-p.origin.PTS)
	second := max(int64(since/time.Second), p.second)
	for range min(second-p.second, paceSlots) {
		p.second++
		p.slots[p.second%paceSlots] = spread{delay, delay}
	}
	p.second = second
	now := &p.slots[second%paceSlots]
	now.least, now.most = min(now.least, delay), max(now.most, delay)
	all := *now
	for _, s := range p.slots {
		all.least, all.most = min(all.least, s.least), max(all.most, s.most)
	}
	return all.most - all.least
}

// meter measures a rate over the last one to two seconds.
type meter struct {
	since         time.Time
	bytes, before int64 // in this window, in the one before
	length        time.Duration
}

const meterWindow = time.Second

// add counts bytes and returns the rate in bit/s, 0 before the first window is full.
func (m *meter) add(at time.Time, bytes int) int64 {
	switch d := at.Sub(m.since); {
	case m.since.IsZero() || d < 0 || d > 4*meterWindow:
		*m = meter{since: at}
	case d >= meterWindow:
		m.before, m.length = m.bytes, d
		m.since, m.bytes = at, 0
	}
	m.bytes += int64(bytes)
	if m.length == 0 {
		return 0
	}
	d := at.Sub(m.since) + m.length
	return (m.bytes + m.before) * 8 * int64(time.Second) / int64(d)
}
