package rtc

import (
	"slices"
	"time"

	"weir/pipeline/timeline"
)

const (
	// orderSpan is how far ahead of a missing packet others are kept: more is another
	// stream, or a network that was gone.
	orderSpan = 2048
	// orderBytes bounds what is kept meanwhile.
	orderBytes = 4 << 20
	// strayMost is how many packets in a row may be older than everything that was
	// sent before the sender is believed to have begun anew (RFC 3550 appendix A.1).
	strayMost = 4

	// holdLeast is how long what follows a missing packet is held up where nothing is
	// sent again.
	holdLeast = 40 * time.Millisecond

	// holdRounds is for how many requests there is time, and holdMost how many times the
	// usual wait that may be.
	holdRounds, holdMost = 6, 3

	// nackTries is how often a packet is asked for: for as long as it is waited for.
	nackTries = 16
	// nackFirst is how long a packet may be overtaken before it is asked for the first
	// time; it grows with what the network does.
	nackFirst    = 8 * time.Millisecond
	nackFirstMax = 60 * time.Millisecond
	// A packet is asked for twice while an answer could be on its way: requests are lost
	// as well.
	nackAgain    = 60 * time.Millisecond
	nackAgainMin = 20 * time.Millisecond
	nackAgainMax = 100 * time.Millisecond
	// nackMost bounds how many packets are asked for at a time: more would be answered
	// with a burst that the network has just shown not to carry.
	nackMost = 256
)

// order brings the packets of one layer into the order of their sequence numbers. It
// looks at no clock and starts nothing: what is to be done at a time is asked of it.
type order struct {
	// wait is how long a missing packet holds up those behind it, hold how long at
	// present: shorter where nothing is sent again and packets do not overtake each
	// other by more, longer where rounds of asking take longer.
	wait, hold time.Duration
	// asks: the sender sends again what it is asked for.
	asks bool
	// repairs: what is sent again comes in a stream of its own (RFC 4588).
	repairs bool

	widen   timeline.Unwrapper
	started bool
	next    int64 // the first that was not let out
	top     int64 // the last that has come
	held    map[int64]Packet
	bytes   int
	holes   []hole // ascending, all between next and top
	lost    bool   // something before next never came
	dropped uint16 // padding that was left out, for the numbers that follow
	stray   int

	patience, again time.Duration // see nackFirst, nackAgain
	answer          time.Duration // from the first request for a packet until it comes
	counts          StreamStats
}

// hole is a packet that has not come yet although later ones have.
type hole struct {
	seq   int64
	since time.Time
	first time.Time // when it was asked for
	asked time.Time // the last time
	tries int
}

func newOrder(wait time.Duration, asks bool) order {
	hold := wait
	if !asks {
		hold = min(wait, holdLeast)
	}
	return order{
		wait: wait, hold: hold, asks: asks, widen: timeline.NewUnwrapper(16), held: make(map[int64]Packet),
		patience: nackFirst, again: nackAgain,
	}
}

// put takes a packet.
func (o *order) put(p Packet, now time.Time) {
	o.counts.Received++
	seq := o.widen.Unwrap(uint64(p.Sequence))
	switch {
	case !o.started:
		o.started, o.next, o.top = true, seq, seq-1
	case seq < o.next:
		o.late(seq, p)
		return
	case seq-o.next >= orderSpan:
		o.begin(seq)
	}
	o.stray = 0
	if _, twice := o.held[seq]; twice {
		o.counts.Duplicates++
		return
	}
	if seq <= o.top {
		o.fill(seq, p.repaired, now)
	}
	for missing := o.top + 1; missing < seq; missing++ {
		o.holes = append(o.holes, hole{seq: missing, since: now})
		o.counts.Missing++
	}
	o.top = max(o.top, seq)
	o.held[seq] = p
	o.bytes += len(p.Payload)
}

// late counts a packet whose turn has passed. Several of them mean another stream.
func (o *order) late(seq int64, p Packet) {
	o.counts.Duplicates++
	if o.next-seq < orderSpan {
		o.hold = max(o.hold, min(o.hold*2, o.wait))
		return
	}
	if o.stray++; o.stray >= strayMost {
		o.begin(seq)
		o.top = seq
		o.held[seq] = p
		o.bytes = len(p.Payload)
	}
}

// begin goes on with another number, and gives up what was waited for.
func (o *order) begin(seq int64) {
	o.counts.Lost += uint64(len(o.holes))
	o.holes, o.stray, o.bytes, o.lost = nil, 0, 0, true
	clear(o.held)
	o.next, o.top = seq, seq-1
}

// fill closes a hole and learns from it how the network behaves.
func (o *order) fill(seq int64, repaired bool, now time.Time) {
	i, ok := slices.BinarySearchFunc(o.holes, seq, func(h hole, seq int64) int { return int(h.seq - seq) })
	if !ok {
		return
	}
	h := o.holes[i]
	o.holes = slices.Delete(o.holes, i, i+1)
	if !o.asks {
		if took := now.Sub(h.since) * 3 / 2; took > o.hold {
			o.hold = min(took, o.wait)
		} else {
			o.hold -= (o.hold - min(o.wait, holdLeast)) / 256
		}
		return
	}
	o.repairs = o.repairs || repaired
	switch {
	case h.tries == 0, o.repairs && !repaired: // it was only overtaken
		if took := now.Sub(h.since) * 5 / 4; took > o.patience {
			o.patience = min(took, nackFirstMax)
		}
	default:
		o.answered(now.Sub(h.first))
		o.counts.Recovered++
		o.patience -= (o.patience - nackFirst) / 16
	}
}

// answered learns how long a request takes. Senders do not send a packet twice within a
// round trip, however often it is asked for: so many of them must pass.
func (o *order) answered(took time.Duration) {
	if o.answer == 0 {
		o.answer = took
	}
	o.answer += (took - o.answer) / 8
	o.again = min(max(o.answer/2, nackAgainMin), nackAgainMax)
	o.hold -= (o.hold - o.wait) / 64
	o.hold = min(max(o.hold, o.wait, o.patience+holdRounds*o.answer), holdMost*o.wait)
}

// take lets out the next packet if it has come, or if what is missing before it was
// waited for long enough.
func (o *order) take(now time.Time) (Packet, bool) {
	for o.started && len(o.held) > 0 {
		p, ok := o.held[o.next]
		if !ok {
			if !o.giveUp(now) {
				return Packet{}, false
			}
			continue
		}
		delete(o.held, o.next)
		o.bytes -= len(p.Payload)
		o.next++
		if len(p.Payload) == 0 { // padding, to probe the network
			o.dropped++
			continue
		}
		p.Sequence -= o.dropped
		p.Released = now
		p.Lost, o.lost = o.lost, false
		return p, true
	}
	return Packet{}, false
}

// giveUp skips to the next packet that has come if it is time to.
func (o *order) giveUp(now time.Time) bool {
	for len(o.holes) > 0 && o.holes[0].seq == o.next {
		h := o.holes[0]
		if now.Sub(h.since) < o.hold && o.bytes <= orderBytes {
			return false
		}
		o.holes = slices.Delete(o.holes, 0, 1)
		o.counts.Lost++
		o.lost = true
		o.next++
	}
	return true
}

// ask lists the sequence numbers to ask for now.
func (o *order) ask(now time.Time) []uint16 {
	if !o.asks {
		return nil
	}
	var numbers []uint16
	for i := range o.holes {
		h := &o.holes[i]
		if now.Before(o.askAt(h)) || h.tries >= nackTries {
			continue
		}
		if len(numbers) == nackMost {
			break
		}
		if h.tries == 0 {
			h.first = now
		}
		h.asked = now
		h.tries++
		o.counts.Asked++
		numbers = append(numbers, uint16(h.seq))
	}
	return numbers
}

func (o *order) askAt(h *hole) time.Time {
	if h.tries == 0 {
		return h.since.Add(o.patience)
	}
	return h.asked.Add(o.again)
}

// asked says whether something is on its way again.
func (o *order) asked() bool { return o.asks && len(o.holes) > 0 && o.holes[0].tries > 0 }

// due is when take or ask will have something to do if nothing comes; the zero time
// if never.
func (o *order) due() time.Time {
	var first time.Time
	if len(o.holes) > 0 {
		first = o.holes[0].since.Add(o.hold)
	}
	if !o.asks {
		return first
	}
	for i := range o.holes {
		if h := &o.holes[i]; h.tries < nackTries {
			if at := o.askAt(h); at.Before(first) {
				first = at
			}
		}
	}
	return first
}
