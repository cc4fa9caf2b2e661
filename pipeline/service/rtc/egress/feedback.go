package egress

import (
	"encoding/binary"
	"math/bits"
	"time"

	"weir/pipeline/media"
)

// RTCP packet types and formats (RFC 3550 section 12.1, RFC 4585 section 6.1, RFC
// 5104 section 4.3.1).
const (
	typeSR        = 200
	typeRR        = 201
	typeTransport = 205
	typePayload   = 206

	formatNACK        = 1
	formatTransportCC = 15
	formatPLI         = 1
	formatFIR         = 4
	formatALFB        = 15 // REMB
)

// read takes a compound packet from a viewer apart. What does not make sense is
// passed over. The packet came at the time at; now is the engine's clock.
func (s *Sender) read(session *Session, b []byte, at time.Time, now time.Duration) {
	for len(b) >= 8 && b[0]>>6 == 2 {
		n := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) {
			return
		}
		if n >= 8 {
			s.readPacket(session, b[:n], at, now)
		}
		b = b[n:]
	}
}

func (s *Sender) readPacket(session *Session, b []byte, at time.Time, now time.Duration) {
	count := int(b[0] & 31)
	if b[0]&32 != 0 { // padding, which has no business here but on the last packet
		pad := int(b[len(b)-1])
		if pad == 0 || pad > len(b)-8 {
			return
		}
		b = b[:len(b)-pad]
	}
	switch b[1] {
	case typeSR:
		if len(b) >= 28 {
			s.readReports(session, b[28:], count, at)
		}
	case typeRR:
		s.readReports(session, b[8:], count, at)
	case typeTransport:
		if len(b) >= 16 && count == formatNACK {
			s.readNACK(session, b, now)
		} else if len(b) >= 20 && count == formatTransportCC {
			s.readTransportCC(session, b[12:])
		}
	case typePayload:
		s.readPayloadFeedback(session, b, count)
	}
}

// readReports reads reception report blocks (RFC 3550 section 6.4.1).
func (s *Sender) readReports(session *Session, b []byte, count int, at time.Time) {
	for ; count > 0 && len(b) >= 24; count, b = count-1, b[24:] {
		st := session.streamOf(binary.BigEndian.Uint32(b))
		if st == nil {
			continue
		}
		lost := int32(binary.BigEndian.Uint32(b[4:])<<8) >> 8
		r := Report{
			Loss:   float64(b[4]) / 256,
			Lost:   lost,
			Jitter: st.params.Rate.Duration(media.Ticks(binary.BigEndian.Uint32(b[12:]))),
		}
		if last := binary.BigEndian.Uint32(b[16:]); last != 0 {
			passed := uint32(ntp(at)>>16) - last - binary.BigEndian.Uint32(b[20:])
			if passed < 1<<20 { // 16 s; a negative one is a clock that was set
				r.RTT = max(time.Duration(passed)*time.Second>>16, time.Microsecond)
				session.rtt = r.RTT
				session.counted.rtt.Store(int64(r.RTT))
			}
		}
		s.events = append(s.events, Event{Kind: Reception, Session: session, Stream: st, Report: r})
	}
}

// readPayloadFeedback reads PLI, FIR and REMB.
func (s *Sender) readPayloadFeedback(session *Session, b []byte, format int) {
	switch format {
	case formatPLI:
		if len(b) >= 12 {
			s.askKeyframe(session, binary.BigEndian.Uint32(b[8:]))
		}
	case formatFIR:
		for b = b[min(12, len(b)):]; len(b) >= 8; b = b[8:] {
			s.askKeyframe(session, binary.BigEndian.Uint32(b))
		}
	case formatALFB: // draft-alvestrand-rmcat-remb-03 section 2.2
		if len(b) >= 20 && string(b[12:16]) == "REMB" {
			exponent, mantissa := b[17]>>2, uint64(b[17]&3)<<16|uint64(binary.BigEndian.Uint16(b[18:]))
			if rate := mantissa << exponent; bits.Len64(mantissa)+int(exponent) < 63 {
				s.events = append(s.events, Event{Kind: Bandwidth, Session: session, Bitrate: int64(rate)})
			}
		}
	}
}

func (s *Sender) askKeyframe(session *Session, ssrc uint32) {
	st := session.streamOf(ssrc)
	if st == nil {
		return
	}
	session.counted.keyframes.Add(1)
	if st.asked == s.polls {
		return
	}
	st.asked = s.polls
	s.events = append(s.events, Event{Kind: Keyframe, Session: session, Stream: st})
}
