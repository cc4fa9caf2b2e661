package rtc

import (
	"context"
	"time"

	"github.com/pion/rtcp"

	"weir/pipeline/media"
)

const (
	// receiveQueue is how many packets wait for Recv. What comes beyond waits in the
	// PeerConnection, which drops some in the end.
	receiveQueue = 256
	// keyframeEvery is the least time between two requests for a key frame of a layer.
	keyframeEvery = 500 * time.Millisecond
	// keyframeRounds is how many answers to requests for packets one to a request for a
	// key frame may take: it is larger, and its packets get lost.
	keyframeRounds = 4
	// pokeEvery is how often is looked for what was asked for.
	pokeEvery = 10 * time.Millisecond
)

// Packet is one RTP packet of a publisher (RFC 3550 section 5.1), without padding and
// extensions.
type Packet struct {
	Kind  media.Kind
	Codec media.Codec
	// Layer is an index into Medium.Layers; 0 if there is only one.
	Layer       int8
	PayloadType uint8
	Marker      bool
	// Lost: packets before this one never came.
	Lost bool
	// Sequence is as the publisher counts, less the packets that held only padding:
	// a step of more than one means a loss.
	Sequence        uint16
	Timestamp, SSRC uint32
	// Payload belongs to whoever has received the packet. It is not empty.
	Payload []byte
	// Arrived is when it came, Released when all before it had come as well, or were
	// not waited for any longer, and later where packets come unevenly.
	Arrived, Released time.Time
	// Report is the publisher's latest about its clocks; zero before the first.
	Report Report

	repaired bool // it came by RTX
}

// Report is what a sender report says about the clock of an RTP stream (RFC 3550
// section 6.4.1): the publisher's wall clock showed Wall at the RTP time Timestamp.
type Report struct {
	Wall      time.Time
	Timestamp uint32
}

// receiver is what Recv reads and keeps. All but the channels are its own.
type receiver struct {
	in    chan arrival
	nudge chan struct{} // a key frame was asked for

	layers []*layer
	even   evener
	timer  *time.Timer
	turn   int
	// measured is when the counters were published.
	measured time.Time
}

// Recv is the next packet in the order of its stream. It returns ctx's error, or the
// reason for the end of the publisher.
func (p *Publisher) Recv(ctx context.Context) (Packet, error) {
	for {
		now := time.Now()
		p.measure(now)
		if packet, ok := p.next(now); ok {
			return packet, nil
		}
		select {
		case a := <-p.receiver.in:
			p.put(a)
			continue
		default:
		}
		due := p.tend(now)
		if p.receiver.timer == nil {
			p.receiver.timer = time.NewTimer(time.Hour)
		}
		if due.IsZero() {
			p.receiver.timer.Stop()
		} else {
			p.receiver.timer.Reset(max(time.Millisecond, due.Sub(now)))
		}
		select {
		case a := <-p.receiver.in:
			p.put(a)
		case <-p.receiver.timer.C:
		case <-p.receiver.nudge:
		case <-p.done:
			p.receiver.timer.Stop()
			if packet, ok := p.rest(); ok {
				return packet, nil
			}
			return Packet{}, p.why
		case <-ctx.Done():
			p.receiver.timer.Stop()
			return Packet{}, ctx.Err()
		}
	}
}

func (p *Publisher) put(a arrival) {
	r := &p.receiver
	known := false
	for _, l := range r.layers {
		known = known || l == a.layer
	}
	if !known {
		r.layers = append(r.layers, a.layer)
	}
	a.layer.order.put(a.packet, a.packet.Arrived)
}

// next is a packet whose turn it is, of any stream.
func (p *Publisher) next(now time.Time) (Packet, bool) {
	r := &p.receiver
	for range r.layers {
		r.turn = (r.turn + 1) % len(r.layers)
		l := r.layers[r.turn]
		for {
			packet, ok := l.order.take(now)
			if !ok {
				break
			}
			if packet.Lost && l.kind == media.KindVideo {
				l.wanted.Store(true) // the publisher has not sent it again in time, or never does
			}
			at := r.due(l, &packet, now)
			if len(l.out.queue) == 0 && !at.After(now) {
				return packet, true
			}
			l.out.put(packet, at)
		}
		if packet, ok := l.out.take(now); ok {
			return packet, true
		}
	}
	return Packet{}, false
}

// due is when a packet that is in order may go on.
func (r *receiver) due(l *layer, p *Packet, now time.Time) time.Time {
	rate := media.VideoRate
	if l.kind == media.KindAudio {
		rate = media.OpusRate
	}
	late := l.out.late.add(p.Timestamp, rate, now)
	worst := l.out.late.worst
	for _, other := range r.layers {
		worst = max(worst, other.out.late.worst)
	}
	r.even.follow(worst, now)
	return now.Add(r.even.hold - late)
}

// rest is a packet that waits for its time still, at the end.
func (p *Publisher) rest() (Packet, bool) {
	for _, l := range p.receiver.layers {
		if packet, ok := l.out.take(l.out.due()); ok {
			return packet, true
		}
	}
	return Packet{}, false
}

// tend asks the publisher for what is missing, and says when there will be something
// to do next if nothing comes.
func (p *Publisher) tend(now time.Time) (due time.Time) {
	var out []rtcp.Packet
	earlier := func(at time.Time) {
		if !at.IsZero() && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	for _, l := range p.receiver.layers {
		if numbers := l.order.ask(now); len(numbers) > 0 {
			out = append(out, &rtcp.TransportLayerNack{
				MediaSSRC: l.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(numbers),
			})
		}
		earlier(l.order.due())
		earlier(l.out.due())
		if l.order.asked() {
			l.poke()
			earlier(now.Add(pokeEvery))
		}
		if !l.wanted.Load() {
			continue
		}
		if next := l.asked.Add(max(keyframeEvery, keyframeRounds*l.order.answer)); now.Before(next) {
			earlier(next)
			continue
		}
		l.wanted.Store(false)
		l.asked = now
		out = append(out, &rtcp.PictureLossIndication{MediaSSRC: l.ssrc})
	}
	if len(out) > 0 {
		_ = p.pc.WriteRTCP(out) // the publisher will be asked again
	}
	return due
}

// RequestKeyframe asks for a key frame of a layer of the video (RFC 4585 section
// 6.3.1), at most twice a second.
func (p *Publisher) RequestKeyframe(index int8) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.layers {
		if l.kind == media.KindVideo && l.index == index {
			l.wanted.Store(true)
		}
	}
	select {
	case p.receiver.nudge <- struct{}{}:
	default:
	}
}
