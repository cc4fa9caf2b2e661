package rtc

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"weir/pipeline/media"
)

const (
	// receiveQueue is how many packets wait for Recv. What comes beyond waits in the
	// PeerConnection, which drops some in the end.
	receiveQueue = 256
	// keyframeEvery is the least time between two requests for a key frame of a layer.
	keyframeEvery = 500 * time.Millisecond
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
	Arrived time.Time
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

// layer is one RTP stream of a publisher.
type layer struct {
	track  *webrtc.TrackRemote
	kind   media.Kind
	index  int8
	ssrc   uint32
	codecs map[uint8]media.Codec
	report atomic.Pointer[Report]
	wanted atomic.Bool // a key frame is

	// What follows belongs to whoever calls Recv.
	order order
	asked time.Time // for a key frame
}

// arrival is a packet on its way to Recv.
type arrival struct {
	layer  *layer
	packet Packet
}

// track is called by the PeerConnection, in a goroutine of its own, for each RTP
// stream that begins.
func (p *Publisher) track(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
	kind, index, err := p.place(t)
	if err != nil {
		p.server.log.Debug("ignoring a track", "error", err)
		return
	}
	p.signalling.Lock()
	codecs, asks := p.answer.codecs[kind], p.answer.nacks[kind]
	p.signalling.Unlock()
	l := &layer{
		track: t, kind: kind, index: index, ssrc: uint32(t.SSRC()), codecs: codecs,
		order: newOrder(p.server.limits.Wait, asks),
	}
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return
	}
	p.layers = append(p.layers, l)
	p.reading.Go(func() { p.readReports(r, t.RID(), l) })
	p.reading.Add(1)
	p.mu.Unlock()
	defer p.reading.Done()
	p.readMedia(t, l)
}

// readMedia passes packets on until the PeerConnection is closed.
func (p *Publisher) readMedia(t *webrtc.TrackRemote, l *layer) {
	buf := make([]byte, mtu)
	for {
		n, attributes, err := t.Read(buf)
		var late net.Error
		switch {
		case errors.As(err, &late) && late.Timeout(): // poke
			_ = t.SetReadDeadline(time.Time{}) // fails as the next Read does
			continue
		case err != nil && n == 0:
			return
		case err != nil: // a payload type that was not negotiated
			continue
		}
		packet, ok := l.read(buf[:n])
		if !ok {
			continue
		}
		packet.repaired = attributes.Get(webrtc.AttributeRtxSsrc) != nil
		p.once.live.Do(func() { close(p.live) })
		select {
		case p.receiver.in <- arrival{l, packet}:
		case <-p.done:
			return
		}
	}
}

// read takes a packet apart and copies what stays. It refuses what is no RTP or of an
// unknown format.
func (l *layer) read(b []byte) (Packet, bool) {
	var h rtp.Header
	n, err := h.Unmarshal(b)
	if err != nil {
		return Packet{}, false
	}
	codec, ok := l.codecs[h.PayloadType]
	if !ok {
		return Packet{}, false
	}
	end := len(b)
	if h.Padding {
		pad := int(b[len(b)-1])
		if pad == 0 || pad > end-n {
			return Packet{}, false
		}
		end -= pad
	}
	p := Packet{
		Kind: l.kind, Codec: codec, Layer: l.index, PayloadType: h.PayloadType, Marker: h.Marker,
		Sequence: h.SequenceNumber, Timestamp: h.Timestamp, SSRC: h.SSRC,
		Payload: append([]byte(nil), b[n:end]...), Arrived: time.Now(),
	}
	if r := l.report.Load(); r != nil {
		p.Report = *r
	}
	return p, true
}

// readReports keeps the newest sender report of a stream.
func (p *Publisher) readReports(r *webrtc.RTPReceiver, rid string, l *layer) {
	buf := make([]byte, mtu)
	for {
		var n int
		var err error
		if rid == "" {
			n, _, err = r.Read(buf)
		} else {
			n, _, err = r.ReadSimulcast(buf, rid)
		}
		if err != nil {
			return
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			continue
		}
		for _, packet := range packets {
			if sr, ok := packet.(*rtcp.SenderReport); ok && sr.SSRC == l.ssrc && sr.NTPTime != 0 {
				l.report.Store(&Report{Wall: wall(sr.NTPTime), Timestamp: sr.RTPTime})
			}
		}
	}
}

// wall is an NTP timestamp (RFC 3550 section 4) as a time of day.
func wall(ntp uint64) time.Time {
	const from1900 = 2_208_988_800 // seconds to 1970
	return time.Unix(int64(ntp>>32)-from1900, int64(ntp&0xffffffff*uint64(time.Second)>>32))
}

// receiver is what Recv reads and keeps. All but the channels are its own.
type receiver struct {
	in    chan arrival
	nudge chan struct{} // a key frame was asked for

	layers []*layer
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
		packet, ok := l.order.take(now)
		if !ok {
			continue
		}
		if packet.Lost && l.kind == media.KindVideo {
			l.wanted.Store(true) // the publisher has not sent it again in time, or never does
		}
		return packet, true
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
		if l.order.asked() {
			l.poke()
			earlier(now.Add(pokeEvery))
		}
		if !l.wanted.Load() {
			continue
		}
		if next := l.asked.Add(keyframeEvery); now.Before(next) {
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

// poke lets the reader look for what came by RTX: pion hands that over only together
// with the next packet of the stream itself, which may be a picture later.
func (l *layer) poke() { _ = l.track.SetReadDeadline(time.Now()) }

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

// StreamStats is what became of one stream's packets.
type StreamStats struct {
	Kind  media.Kind `json:"kind"`
	Layer int8       `json:"layer"`
	// Received counts packets, Duplicates those of them that came twice or too late.
	Received   uint64 `json:"received"`
	Duplicates uint64 `json:"duplicates"`
	// Missing counts packets that did not come in their turn, Recovered those of them
	// that came after they had been asked for, Lost those that never came.
	Missing   uint64 `json:"missing"`
	Recovered uint64 `json:"recovered"`
	Lost      uint64 `json:"lost"`
	// Asked counts packets asked for, with repeats.
	Asked uint64 `json:"asked"`
}

// Stats is what became of the publisher's packets, as of at most a second ago.
func (p *Publisher) Stats() []StreamStats {
	if s := p.stats.Load(); s != nil {
		return *s
	}
	return nil
}

// measure publishes the counters once in a while.
func (p *Publisher) measure(now time.Time) {
	r := &p.receiver
	if now.Sub(r.measured) < time.Second {
		return
	}
	r.measured = now
	all := make([]StreamStats, len(r.layers))
	for i, l := range r.layers {
		all[i] = l.order.counts
		all[i].Kind, all[i].Layer = l.kind, l.index
	}
	p.stats.Store(&all)
}
