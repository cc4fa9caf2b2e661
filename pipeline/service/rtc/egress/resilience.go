package egress

import "time"

// maxCopies is how often one retransmission is sent at most.
const maxCopies = 3

// SetCopies says how often each retransmission is sent, 1 to 3, as long as at least
// half of the session's budget is left: where many packets are lost, a retransmission is lost as well, and the next
// request for it comes late. It needs RTX (RFC 4588). For the shard's goroutine.
func (st *Stream) SetCopies(n int) { st.copies = min(max(n, 1), maxCopies) }

// SetDelay changes what the playout-delay extension carries from the next packet on,
// if it was negotiated; with a most of 0 it is left out, and the viewer goes by what
// he was told before. For the shard's goroutine.
func (st *Stream) SetDelay(least, most time.Duration) {
	st.params.Extensions.MinDelay, st.params.Extensions.MaxDelay = least, most
}

// repeats sends a retransmission as often again as SetCopies says.
func (w *writer) repeats(st *Stream, number uint16) {
	rate := w.session.engine.limits.RetransmitRate
	for range st.copies - 1 {
		index, u := st.upstream(number)
		if u == nil || w.session.allowance.left < rate/4 || !w.session.allowance.take(len(u.RTP.Payload)+maxHeader, rate, w.now) {
			return
		}
		w.again(st, u, index)
	}
}
