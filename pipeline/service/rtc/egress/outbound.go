package egress

import (
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/srtp/v3"
)

// outbound is the part of a session that the shard's goroutine has to itself.
type outbound struct {
	streams []Stream
	cname   string
	epoch   time.Time

	sealer  sealer
	control *srtp.Context // of SRTCP
	log     *sendLog

	allowance  allowance
	retransmit int           // bytes a second, if more than the limit
	reported   time.Duration // when the last sender report went out
	reference  referenceTime // of transport-wide feedback
	rtt        time.Duration
	quota      quota
	registered bool
}

// quota bounds what one viewer's feedback can make a Poll do.
type quota struct {
	poll            uint64
	nacks, arrivals int
}

const (
	maxNacks    = 512  // packets asked for
	maxArrivals = 2048 // packets reported on
)

// of is the quota in that Poll.
func (q *quota) of(poll uint64) *quota {
	if q.poll != poll {
		*q = quota{poll: poll}
	}
	return q
}

// secure sets the keys; called once, before the session is live.
func (o *outbound) secure(key, salt []byte, profile dtls.SRTPProtectionProfile) error {
	var err error
	if o.sealer, err = newSealer(key, salt, profile); err != nil {
		return err
	}
	o.log = new(sendLog)
	o.control, err = srtp.CreateContext(key, salt, srtp.ProtectionProfile(profile))
	return err
}

// Stream is the stream of SessionParams.Streams[i]. For the shard's goroutine.
func (o *outbound) Stream(i int) *Stream { return &o.streams[i] }

func (o *outbound) streamOf(ssrc uint32) *Stream {
	for i := range o.streams {
		if o.streams[i].params.SSRC == ssrc {
			return &o.streams[i]
		}
	}
	return nil
}

// sendLog remembers the last packets of a session by their transport-wide sequence
// number.
type sendLog struct {
	next    uint16 // the number of the next packet
	count   int    // how many are remembered
	entries [logSize]sent
}

// logSize is the number of packets remembered: three seconds of 2.5 Mbit/s.
const logSize = 1024

type sent struct {
	at        time.Duration
	index     uint64
	timestamp uint32
	size      uint16
	stream    uint8
	again     bool // a retransmission on a stream of its own
}

// add remembers a packet under the number next.
func (l *sendLog) add(e sent) {
	l.entries[l.next%logSize] = e
	l.next++
	l.count = min(l.count+1, logSize)
}

// find is the packet of that number; nil if it is forgotten.
func (l *sendLog) find(number uint16) *sent {
	if ago := int(l.next - 1 - number); ago < l.count {
		return &l.entries[number%logSize]
	}
	return nil
}

// original is the number under which a packet went out first.
func (l *sendLog) original(stream uint8, index uint64) (number uint16, e *sent) {
	for i := range l.count {
		number = l.next - 1 - uint16(i)
		e = &l.entries[number%logSize]
		if e.stream == stream && e.index == index && !e.again {
			return number, e
		}
	}
	return 0, nil
}

// allowance is a token bucket of bytes.
type allowance struct {
	left    int
	updated time.Duration
}

// take says whether n bytes may be spent now.
func (a *allowance) take(n, rate int, now time.Duration) bool {
	fresh := int(min(now-a.updated, time.Second) * time.Duration(rate) / time.Second)
	if fresh > 0 {
		a.left = min(a.left+fresh, rate/2)
		a.updated = now
	}
	if a.left < n {
		return false
	}
	a.left -= n
	return true
}
