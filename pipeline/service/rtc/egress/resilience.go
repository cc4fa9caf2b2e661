package egress

import (
	"time"

	"weir/pipeline/media"
)

// maxCopies is how often one retransmission is sent at most.
const maxCopies = 3

// SetCopies says how often a packet is sent when it is asked for first, 1 to 3, as long
// as at least half of the session's budget is left: where many packets are lost, a
// retransmission is lost as well, and the next request for it comes late. It needs RTX
// (RFC 4588). For the shard's goroutine.
func (st *Stream) SetCopies(n int) { st.copies = min(max(n, 1), maxCopies) }

// SetDelay changes what the playout-delay extension carries from the next packet on,
// if it was negotiated; with a most of 0 it is left out, and the viewer goes by what
// he was told before. For the shard's goroutine.
func (st *Stream) SetDelay(least, most time.Duration) {
	x := &st.params.Extensions
	if x.PlayoutDelay != 0 && (x.MinDelay != least || x.MaxDelay != most) {
		st.changed = st.index + 1
	}
	x.MinDelay, x.MaxDelay = least, most
}

// SetRetransmitRate says how many bytes a second of retransmissions the session may
// cost, at least what the engine's limits say. For the shard's goroutine.
func (s *Session) SetRetransmitRate(bytes int) { s.retransmit = bytes }

func (s *Session) retransmitRate() int { return max(s.retransmit, s.engine.limits.RetransmitRate) }

// repeats sends a retransmission as often again as SetCopies says.
func (w *writer) repeats(st *Stream, u *media.Unit, index uint64) {
	rate := w.session.retransmitRate()
	for range st.copies - 1 {
		if w.session.allowance.left < rate/4 || !w.session.allowance.take(len(u.RTP.Payload)+maxHeader, rate, w.now) {
			return
		}
		w.again(st, u, index)
	}
}

// Echo sends the n packets before the n newest of a stream once more as they were, for
// viewers who lose some and do not ask for them: those of sound. Who has got them
// drops them, as a replay (RFC 3711 section 3.3.2). It does nothing without History.
func (s *Sender) Echo(st *Stream, n int) {
	session := st.session
	way := session.path.Load()
	if session.State() != Live || way == nil {
		return
	}
	w := writer{sender: s, session: session, way: way, now: s.engine.now()}
	for back := 2*n - 1; back >= n; back-- {
		if index, u := st.upstream(uint16(st.index) - uint16(back)); u != nil && u.RTP != nil {
			w.repeat(st, u, index)
		}
	}
	w.done()
}
