package egress

import (
	"encoding/binary"
	"time"
)

// resendAfter is the time within which a packet is not retransmitted twice, however
// often it is asked for: half the round trip, within these bounds. Browsers do not
// know the round trip and ask each 100 ms. Where it is longer, the one before may
// still be under way; or it is lost, and a round would be as well.
const (
	resendAfter       = 10 * time.Millisecond
	resendAfterAtLast = 80 * time.Millisecond
)

// maxResends is how often a packet is retransmitted. One in ten thousand is lost as
// often on a path that loses every tenth; some viewers go on asking for what they
// have.
const maxResends = 4

// readNACK answers a generic NACK (RFC 4585 section 6.2.1).
func (s *Sender) readNACK(session *Session, b []byte, now time.Duration) {
	st := session.streamOf(binary.BigEndian.Uint32(b[8:]))
	way := session.path.Load()
	if st == nil || way == nil || session.State() != Live {
		return
	}
	w := writer{sender: s, session: session, way: way, now: now}
	for b = b[12:]; len(b) >= 4; b = b[4:] {
		number := binary.BigEndian.Uint16(b)
		w.retransmit(st, number)
		for mask := binary.BigEndian.Uint16(b[2:]); mask != 0; mask >>= 1 {
			if number++; mask&1 != 0 {
				w.retransmit(st, number)
			}
		}
	}
	w.done()
}

// retransmit sends the packet that the viewer knows by that number, if it is held
// and the session's budget allows it.
func (w *writer) retransmit(st *Stream, number uint16) {
	c := &w.session.counted
	c.nacked.Add(1)
	q := w.session.quota.of(w.sender.polls)
	if q.nacks++; q.nacks > maxNacks {
		c.overBudget.Add(1)
		return
	}
	index, u := st.upstream(number)
	if u == nil || u.RTP == nil || len(u.RTP.Payload) > maxPayload {
		return
	}
	r := st.mayResend(index, w.now, w.session.rtt)
	if r == nil {
		return
	}
	if !w.session.allowance.take(len(u.RTP.Payload)+maxHeader, w.session.retransmitRate(), w.now) {
		c.overBudget.Add(1)
		return
	}
	r.times++
	r.at = w.now
	sent := 0
	if st.params.RTXPayloadType != 0 {
		sent = w.again(st, u, index)
		if r.times == 1 {
			w.repeats(st, u, index)
		}
	} else {
		sent = w.repeat(st, u, index)
	}
	if sent > 0 {
		c.retransmitted.Add(1)
	}
}

// mayResend says whether a packet can be retransmitted, not at once again and not for
// ever, by what is known of its retransmissions; nil is no.
func (st *Stream) mayResend(index uint64, now, rtt time.Duration) *resent {
	r := &st.resent[index%uint64(len(st.resent))]
	if r.index != index {
		*r = resent{index: index}
	} else if r.times == maxResends || now-r.at < min(max(resendAfter, rtt/2), resendAfterAtLast) {
		return nil
	}
	return r
}

// Probe sends about bytes of what st has sent last once more on its retransmission
// stream, to see whether the path takes them, and returns how many it sent: 0
// without RTX or History.
func (s *Sender) Probe(st *Stream, bytes int) int {
	session := st.session
	way := session.path.Load()
	if session.State() != Live || way == nil || st.params.RTXPayloadType == 0 || st.params.History == nil {
		return 0
	}
	w := writer{sender: s, session: session, way: way, now: s.engine.now()}
	defer w.done()
	total := 0
	const most = 64 // packets back, so that a probe is not older than a viewer's buffer
	for total < bytes {
		before := total
		for back := uint16(0); back < most && total < bytes; back++ {
			index, u := st.upstream(uint16(st.index) - back)
			if u == nil || u.RTP == nil || len(u.RTP.Payload) > maxPayload {
				break
			}
			total += w.again(st, u, index)
		}
		if total == before {
			break
		}
	}
	return total
}
