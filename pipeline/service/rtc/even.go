package rtc

import (
	"time"

	"weir/pipeline/media"
	"weir/pipeline/timeline"
)

const (
	// evenEnough is by how much packets may be late before others are held back for
	// them: players make up for that much by themselves.
	evenEnough = 200 * time.Millisecond
	// evenMost bounds what is held back in time, evenBytes in bytes of a stream.
	evenMost  = 1600 * time.Millisecond
	evenBytes = 8 << 20
	// evenSlots times evenSlot is for how long a late packet is remembered: the worst
	// of a bad path comes seldom.
	evenSlots = 16
	evenSlot  = 2 * time.Second
	// evenShrink: where the path has become better, the hold shrinks by one part in so
	// many of the time that passes: players do not notice.
	evenShrink = 50
	// evenJump is a step of a publisher's clock, or a pause, rather than a late packet.
	evenJump = 10 * time.Second
)

// evener makes up for the path of one publisher: where packets come late because they
// were lost and sent again, all are held back by what the worst of them needs, in step
// with their timestamps. Consumers then see pictures at an even pace. Browsers can hold
// pictures back themselves, but drop up to the next key picture what they decode a few
// milliseconds too late, and the more they hold the more often there is one.
//
// On a good path nothing is held back.
type evener struct {
	hold  time.Duration
	moved time.Time
}

// follow moves the hold towards what the worst lateness asks for: at once where that
// is more.
func (e *evener) follow(worst time.Duration, now time.Time) {
	var want time.Duration
	if worst >= evenEnough {
		want = min(worst*5/4, evenMost) // the next worst is worse
	}
	e.hold = max(want, e.hold-max(0, now.Sub(e.moved))/evenShrink)
	e.moved = now
}

// outlet is where the packets of one stream, in order, wait for their time.
type outlet struct {
	late  lateness
	queue []due
	bytes int
}

type due struct {
	at     time.Time
	packet Packet
}

// put adds a packet that should have come at a time and is to be held back from then.
func (o *outlet) put(p Packet, at time.Time) {
	o.queue = append(o.queue, due{at, p})
	o.bytes += len(p.Payload)
}

// take lets out the next packet if it is time.
func (o *outlet) take(now time.Time) (Packet, bool) {
	if len(o.queue) == 0 || o.bytes <= evenBytes && o.queue[0].at.After(now) {
		return Packet{}, false
	}
	p := o.queue[0].packet
	o.queue[0] = due{}
	o.queue = o.queue[1:]
	o.bytes -= len(p.Payload)
	p.Released = now
	return p, true
}

// due is when the next packet is to be let out; the zero time if there is none.
func (o *outlet) due() time.Time {
	if len(o.queue) == 0 {
		return time.Time{}
	}
	return o.queue[0].at
}

// lateness measures by how much packets of a stream are later than the one that was
// least so in the last half minute.
type lateness struct {
	widen  timeline.Unwrapper
	origin time.Time // delays are relative to the arrival of a packet of that RTP time
	first  int64
	slots  [evenSlots]spread
	newest int64         // slot, since origin
	worst  time.Duration // of all slots but one: whatever happens once is no bad path
}

// spread is of the delays in one slot.
type spread struct{ least, most time.Duration }

// add notes a packet, and returns how late it is.
func (l *lateness) add(timestamp uint32, rate media.Rate, now time.Time) time.Duration {
	if l.origin.IsZero() {
		*l = lateness{widen: timeline.NewUnwrapper(32), origin: now}
		l.first = l.widen.Unwrap(uint64(timestamp))
	}
	since := now.Sub(l.origin)
	delay := since - rate.Duration(media.Ticks(l.widen.Unwrap(uint64(timestamp))-l.first))
	if last := l.slots[l.newest%evenSlots].least; delay-last > evenJump || last-delay > evenJump {
		l.origin = time.Time{}
		return l.add(timestamp, rate, now)
	}
	slot := max(int64(since/evenSlot), l.newest)
	for range min(slot-l.newest, evenSlots) {
		l.newest++
		l.slots[l.newest%evenSlots] = spread{delay, delay}
	}
	l.newest = slot
	s := &l.slots[slot%evenSlots]
	s.least, s.most = min(s.least, delay), max(s.most, delay)
	least, worst, second := s.least, s.most, -evenJump
	for i, other := range l.slots {
		least = min(least, other.least)
		if &l.slots[i] != s {
			second = max(second, min(worst, other.most))
			worst = max(worst, other.most)
		}
	}
	l.worst = second - least
	return delay - least
}
