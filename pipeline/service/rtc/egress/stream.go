package egress

import (
	"math/rand/v2"
	"time"

	"weir/pipeline/media"
)

// Stream is one RTP stream of a session, for the goroutine of the shard.
type Stream struct {
	session *Session
	params  StreamParams
	number  uint8  // in the session
	offset  uint32 // RTP timestamp of PTS 0

	// The viewer's sequence numbers are index's low 16 bits.
	index   uint64 // of the newest packet sent
	last    uint16 // its number upstream
	layer   int8
	sent    uint64 // bit i: index-i was sent
	skipped bool   // the next packet follows without a gap
	spans   [maxSpans]span
	span    int // the newest in spans, a ring

	rtxIndex        uint64 // of the newest retransmission
	copies          int    // of a first retransmission; 0 is 1
	changed         uint64 // headers before this index were written in another way
	packets, octets uint32 // for sender reports
	resent          [64]resent
	asked           uint64 // the Poll in which a keyframe was asked for
}

// span is a run of packets whose numbers differ from those upstream by the same.
type span struct {
	first uint64 // index
	shift uint16 // number upstream - index
	layer int8
	used  bool
}

// maxSpans is how many switches back a retransmission can be found.
const maxSpans = 8

// maxJump is the gap upstream that is passed on. A larger one is not loss.
const maxJump = 1000

// resent remembers that a packet was retransmitted.
type resent struct {
	index uint64
	at    time.Duration
	times uint8
}

func (st *Stream) init(s *Session, number int, p StreamParams) {
	st.session, st.number, st.params = s, uint8(number), p
	st.offset = rand.Uint32()
	// Low enough that the rollover counter stays 0 for a while: a viewer that loses
	// the first packets guesses it (RFC 3711 section 3.3.1).
	st.index = uint64(rand.Uint32N(1<<14)) + 64
	st.rtxIndex = uint64(rand.Uint32N(1<<14)) + 64
	st.skipped = true
}

// Session is the session that the stream belongs to.
func (st *Stream) Session() *Session { return st.session }

// Skip says that the units that Send gets next do not follow those before: the
// owner has left some out on purpose, and the viewer shall not ask for them.
func (st *Stream) Skip() { st.skipped = true }

// next is the index under which u goes out; false if u must not: it was sent, or is
// older than what was left out.
func (st *Stream) next(u *media.Unit) (uint64, bool) {
	seq := u.RTP.Sequence
	step := int16(seq - st.last)
	if st.skipped || u.Layer != st.layer || u.Flags.Has(media.Discontinuity) || step > maxJump || step < -maxJump {
		st.begin(u)
		return st.index, true
	}
	if step > 0 {
		st.sent = st.sent<<step | 1
		st.index += uint64(step)
		st.last = seq
		return st.index, true
	}
	back := uint(-step)
	index := st.index - uint64(back)
	if back > 63 || st.sent>>back&1 != 0 || index < st.spans[st.span].first {
		return 0, false
	}
	st.sent |= 1 << back
	return index, true
}

// begin starts a span with u.
func (st *Stream) begin(u *media.Unit) {
	st.index++
	st.last, st.layer, st.sent, st.skipped = u.RTP.Sequence, u.Layer, 1, false
	st.span = (st.span + 1) % maxSpans
	st.spans[st.span] = span{first: st.index, shift: st.last - uint16(st.index), layer: st.layer, used: true}
}

// upstream finds the packet that the viewer knows by number.
func (st *Stream) upstream(number uint16) (index uint64, u *media.Unit) {
	index = st.index - uint64(uint16(st.index)-number)
	if st.params.History == nil || index > st.index {
		return 0, nil
	}
	for i := range maxSpans {
		sp := st.spans[(st.span-i+maxSpans)%maxSpans]
		if !sp.used {
			return 0, nil
		}
		if index >= sp.first {
			return index, st.params.History.Packet(sp.layer, uint16(index)+sp.shift)
		}
	}
	return 0, nil
}

// timestamp is the RTP timestamp of u.
func (st *Stream) timestamp(u *media.Unit) uint32 {
	return st.offset + uint32(u.PTS)
}

// capture is the time to write into u's packet: that of the picture, on its last
// packet, which is the smallest.
func (st *Stream) capture(u *media.Unit) time.Time {
	if st.params.Extensions.AbsCaptureTime == 0 || !u.RTP.Marker && u.Kind() == media.KindVideo {
		return time.Time{}
	}
	return u.Capture
}
