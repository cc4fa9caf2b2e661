package observe

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"weir/pipeline"
)

// Event is something that has happened. It is never changed.
type Event struct {
	// ID is a ULID. IDs rise, and are nobody else's, not even of the process before.
	ID        string    `json:"id" doc:"Rises from event to event, and stays the same when an event is delivered again."`
	Type      string    `json:"type" example:"stream.started"`
	Timestamp time.Time `json:"timestamp"`
	Stream    string    `json:"stream,omitempty" doc:"The path of the stream, if it is about one."`
	Stage     string    `json:"stage,omitempty"`
	Data      any       `json:"data,omitempty" doc:"What there is to say beyond that; which fields there are depends on the type."`
}

// JSON is the event as those who listen get it. Data that cannot be encoded is left out.
func (e *Event) JSON() []byte {
	b, err := json.Marshal(e)
	if err != nil {
		bare := *e
		bare.Data = nil
		b, _ = json.Marshal(&bare) // texts and a time
	}
	return b
}

// of is the event that a milestone is, without its ID.
func of(m pipeline.Milestone) Event {
	return Event{Type: m.Type, Timestamp: m.At, Stream: m.Stream, Stage: m.Stage, Data: m.Data}
}

// ids makes ULIDs that rise, whatever the clock does. It belongs to one goroutine at a
// time.
type ids struct {
	ms   uint64
	tail [10]byte
}

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func (i *ids) next(now time.Time) string {
	if ms := uint64(now.UnixMilli()); ms > i.ms {
		i.ms = ms
		_, _ = rand.Read(i.tail[:]) // never fails
		i.tail[0] &= 0x7F           // room to count up
	} else {
		for n := len(i.tail) - 1; n >= 0; n-- {
			if i.tail[n]++; i.tail[n] != 0 {
				break
			}
		}
	}
	var b [26]byte
	ms := i.ms
	for n := 9; n >= 0; n-- {
		b[n] = alphabet[ms&31]
		ms >>= 5
	}
	var bits, have uint
	at := 10
	for _, octet := range i.tail {
		bits, have = bits<<8|uint(octet), have+8
		for have >= 5 {
			have -= 5
			b[at] = alphabet[bits>>have&31]
			at++
		}
	}
	return string(b[:])
}
