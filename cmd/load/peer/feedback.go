package peer

import (
	"encoding/binary"
	"time"
)

// Arrivals collects what transport-wide feedback is about
// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
type Arrivals struct {
	seen   []arrival
	count  uint8
	packet []byte
}

type arrival struct {
	sequence uint16
	at       int64 // in 250 µs
}

// most bounds the packets of one feedback.
const most = 1000

// Add notes a packet: its transport-wide number, and when it came on any clock.
func (a *Arrivals) Add(sequence uint16, at time.Duration) {
	if n := len(a.seen); n < most && (n == 0 || int16(sequence-a.seen[n-1].sequence) > 0) {
		a.seen = append(a.seen, arrival{sequence, int64(at / (250 * time.Microsecond))})
	}
}

// Feedback is an RTCP packet about all that was added since the last one, or nil. It
// is good until the next one.
func (a *Arrivals) Feedback(sender, media uint32) []byte {
	if len(a.seen) == 0 {
		return nil
	}
	first := a.seen[0]
	reference := first.at >> 8 // 64 ms
	total := int(a.seen[len(a.seen)-1].sequence-first.sequence) + 1
	b := append(a.packet[:0], 0x80|15, 205, 0, 0)
	b = binary.BigEndian.AppendUint32(b, sender)
	b = binary.BigEndian.AppendUint32(b, media)
	b = binary.BigEndian.AppendUint16(b, first.sequence)
	b = binary.BigEndian.AppendUint16(b, uint16(total))
	b = append(b, byte(reference>>16), byte(reference>>8), byte(reference), a.count)
	const missing, small, large = 0, 1, 2
	run := func(symbol, length int) {
		if length > 0 {
			b = binary.BigEndian.AppendUint16(b, uint16(symbol<<13|length))
		}
	}
	// Run-length chunks, one for each change of the symbol; then the differences.
	symbol, length := small, 0
	before, next := reference<<8, first.sequence
	var differences []byte
	for _, s := range a.seen {
		difference, now := s.at-before, small
		if difference < 0 || difference > 255 {
			now = large
		}
		if gap := int(s.sequence - next); gap > 0 {
			run(symbol, length)
			run(missing, gap)
			length = 0
		}
		if now != symbol {
			run(symbol, length)
			symbol, length = now, 0
		}
		length++
		if now == small {
			differences = append(differences, byte(difference))
		} else {
			differences = binary.BigEndian.AppendUint16(differences, uint16(int16(difference)))
		}
		before, next = s.at, s.sequence+1
	}
	run(symbol, length)
	b = append(b, differences...)
	padding := -len(b) & 3
	if padding > 0 {
		b[0] |= 0x20
		b = append(b, make([]byte, padding)...)
		b[len(b)-1] = byte(padding)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1))
	a.seen, a.packet = a.seen[:0], b
	a.count++
	return b
}

// Report is a receiver report about one source (RFC 3550 section 6.4.2). highest is
// the extended highest sequence number.
func Report(b []byte, sender, source uint32, lost int, highest uint32) []byte {
	b = append(b[:0], 0x81, 201, 0, 7)
	b = binary.BigEndian.AppendUint32(b, sender)
	b = binary.BigEndian.AppendUint32(b, source)
	b = append(b, 0, byte(lost>>16), byte(lost>>8), byte(lost))
	b = binary.BigEndian.AppendUint32(b, highest)
	return append(b, make([]byte, 12)...)
}
