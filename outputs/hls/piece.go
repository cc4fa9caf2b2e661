package hls

import (
	"sync"

	"weir/pipeline/bitstream"
	"weir/pipeline/invariants"
	"weir/pipeline/media"
)

// piece is a run of bytes that is put together when somebody asks for it, once.
// Until then it refers to the access units that belong into it: they are immutable,
// the queue that they came through holds them for a while as well, and most streams
// have no viewer. Any number of goroutines may use it.
type piece struct {
	size int // in bytes

	making sync.Once
	// head comes first, and the units behind it, as codec joins them. Both are nil
	// once bytes is there.
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

// held is how many bytes of memory the piece takes at most, before its bytes are
// made or after. Of the buffers that units came in it counts what is the units': no
// demuxer puts much else into them.
func (p *piece) held() int { return p.size + sliceHeader*len(p.units) }

// sliceHeader is the size of a slice's header, and a little more than what stands
// between units where they come from.
const sliceHeader = 24
