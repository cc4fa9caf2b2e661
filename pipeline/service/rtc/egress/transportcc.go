package egress

import (
	"encoding/binary"
	"time"
)

// referenceTime unwraps the 24 bits of 64 ms in transport-wide feedback.
type referenceTime struct {
	last  int64
	begun bool
}

func (r *referenceTime) unwrap(v uint32) int64 {
	if !r.begun {
		r.begun, r.last = true, int64(v)
		return r.last
	}
	step := int32((v-uint32(r.last))<<8) >> 8
	r.last += int64(step)
	return r.last
}

const (
	referenceStep = 64 * time.Millisecond
	deltaStep     = 250 * time.Microsecond
)

// Symbols of packet status (draft-holmer-rmcat-transport-wide-cc-extensions-01
// section 3.1.1).
const (
	symbolLost  = 0
	symbolSmall = 1 // with a delta of one byte
	symbolLarge = 2 // with a signed delta of two bytes
)

// readTransportCC reads feedback from the base sequence number on (section 3.1).
func (s *Sender) readTransportCC(session *Session, b []byte) {
	base, count := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
	q := session.quota.of(s.polls)
	if q.arrivals += count; q.arrivals > maxArrivals {
		return
	}
	chunks := statuses{rest: b[8:], left: count}
	for chunks.left > 0 { // find where the deltas begin
		if _, ok := chunks.next(); !ok {
			return
		}
	}
	deltas := chunks.rest
	reference := binary.BigEndian.Uint32(b[4:]) >> 8
	received := time.Duration(session.reference.unwrap(reference)) * referenceStep
	first := len(s.arrivals)
	chunks = statuses{rest: b[8:], left: count}
	for number := base; chunks.left > 0; number++ {
		symbol, _ := chunks.next()
		a := Arrival{Sequence: number, Lost: true}
		switch {
		case symbol == symbolSmall && len(deltas) >= 1:
			received += time.Duration(deltas[0]) * deltaStep
			a.Lost, deltas = false, deltas[1:]
		case symbol == symbolLarge && len(deltas) >= 2:
			received += time.Duration(int16(binary.BigEndian.Uint16(deltas))) * deltaStep
			a.Lost, deltas = false, deltas[2:]
		case symbol != symbolLost:
			chunks.left = 0 // cut off
			continue
		}
		a.Received = received
		if e := session.log.find(number); e != nil {
			a.Size, a.Sent = int(e.size), e.at
		}
		s.arrivals = append(s.arrivals, a)
	}
	if len(s.arrivals) > first {
		s.events = append(s.events, Event{Kind: Arrivals, Session: session, Arrivals: s.arrivals[first:len(s.arrivals):len(s.arrivals)]})
	}
}

// statuses walks over packet status chunks (sections 3.1.3 and 3.1.4).
type statuses struct {
	rest []byte
	left int // packets

	chunk uint16
	run   int // symbols left in chunk
	width uint
}

// next is the status of the next packet; false if the chunks are cut off.
func (c *statuses) next() (symbol uint16, ok bool) {
	if c.run == 0 {
		if len(c.rest) < 2 {
			return 0, false
		}
		c.chunk = binary.BigEndian.Uint16(c.rest)
		c.rest = c.rest[2:]
		switch c.chunk >> 14 {
		case 0, 1: // a run of one symbol
			c.width, c.run = 0, int(c.chunk&0x1fff)
		case 2: // 14 symbols of one bit
			c.width, c.run = 1, 14
		case 3: // 7 symbols of two bits
			c.width, c.run = 2, 7
		}
		if c.run == 0 {
			return 0, false // a run of nothing: it could go on for ever
		}
	}
	c.run--
	c.left--
	switch c.width {
	case 1:
		return c.chunk >> uint(c.run) & 1, true
	case 2:
		return c.chunk >> (2 * uint(c.run)) & 3, true
	default:
		return c.chunk >> 13 & 3, true
	}
}
