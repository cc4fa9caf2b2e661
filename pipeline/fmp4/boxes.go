package fmp4

import "encoding/binary"

// boxes appends ISO/IEC 14496-12 boxes to a buffer.
type boxes []byte

// open starts a box; the result is for close.
func (b *boxes) open(kind string) int {
	at := len(*b)
	*b = append(*b, 0, 0, 0, 0)
	*b = append(*b, kind...)
	return at
}

// full starts a box with version and flags.
func (b *boxes) full(kind string, version uint8, flags uint32) int {
	at := b.open(kind)
	b.u32(uint32(version)<<24 | flags)
	return at
}

// close writes the size of the box that open began.
func (b *boxes) close(at int) {
	binary.BigEndian.PutUint32((*b)[at:], uint32(len(*b)-at))
}

// patch overwrites four bytes that were written before.
func (b *boxes) patch(at int, v uint32) { binary.BigEndian.PutUint32((*b)[at:], v) }

func (b *boxes) u8(v uint8)      { *b = append(*b, v) }
func (b *boxes) u16(v uint16)    { *b = binary.BigEndian.AppendUint16(*b, v) }
func (b *boxes) u32(v uint32)    { *b = binary.BigEndian.AppendUint32(*b, v) }
func (b *boxes) u64(v uint64)    { *b = binary.BigEndian.AppendUint64(*b, v) }
func (b *boxes) zeros(n int)     { *b = append(*b, make([]byte, n)...) }
func (b *boxes) bytes(p []byte)  { *b = append(*b, p...) }
func (b *boxes) string(s string) { *b = append(*b, s...) }

// matrix is the identity transformation.
func (b *boxes) matrix() {
	for _, v := range [9]uint32{0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000} {
		b.u32(v)
	}
}
