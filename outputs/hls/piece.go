package hls

import (
	"sync"

	"weir/pipeline/bitstream"
	"weir/pipeline/invariants"
	"weir/pipeline/media"
)

// piece is a run of bytes that is put together when somebody asks for it, once:
// most streams have no viewer. Until then it refers to the access units that belong
// into it, which are immutable. Any number of goroutines may use it.
type piece struct {
	size int // in bytes

	making sync.Once // guards what follows
	// head comes first, and the units behind it, as bitstream.Append joins them for
	// the codec. Both are nil once bytes is there.
	head  []byte
	codec media.Codec
	units [][]byte
	bytes []byte
}

// made is a piece whose bytes are there.
func made(b []byte) *piece { return &piece{size: len(b), head: b} }

// toMake is a piece of head and of units whose joined size is payload. The codec is
// one that bitstream.Append knows.
func toMake(head []byte, codec media.Codec, units [][]byte, payload int) *piece {
	return &piece{size: len(head) + payload, head: head, codec: codec, units: units}
}

// data is the bytes, which belong to everybody.
func (p *piece) data() []byte {
	p.making.Do(func() {
		p.bytes = p.head
		if p.units != nil {
			p.bytes = p.join()
		}
		p.head, p.units = nil, nil
	})
	return p.bytes
}

func (p *piece) join() []byte {
	b := append(make([]byte, 0, p.size), p.head...)
	b, err := bitstream.Append(b, p.codec, p.units)
	invariants.Assert(err == nil && len(b) == p.size, "%d bytes of %v instead of %d: %v", len(b), p.codec, p.size, err)
	return b
}

// held is how many bytes of memory the piece takes, before its bytes are made or
// after. What a demuxer left out of the buffers that it keeps alive is not counted, as
// in the queues. It is asked for before anybody else has the piece.
func (p *piece) held() int { return p.size + sliceHeader*len(p.units) }

// sliceHeader is the size of a reference to a unit's bytes.
const sliceHeader = 24
