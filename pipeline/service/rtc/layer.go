package rtc

import (
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"weir/pipeline/media"
)

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
	out   outlet
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

// poke lets the reader look for what came by RTX: pion hands that over only together
// with the next packet of the stream itself, which may be a picture later.
func (l *layer) poke() { _ = l.track.SetReadDeadline(time.Now()) }
