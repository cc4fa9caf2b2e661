//go:build libav && cgo

package av

import (
	"slices"

	"github.com/asticode/go-astiav"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// padding is what decoders may read beyond a packet (AV_INPUT_BUFFER_PADDING_SIZE).
const padding = 64

// packet is one coded unit on its way into a decoder. It is used again for each.
type packet struct {
	*astiav.Packet
	buf []byte
}

func newPacket() packet { return packet{Packet: astiav.AllocPacket()} }

// fill puts a unit into the packet, as decoders want it and with the zeros behind it
// that they may read; FromData alone leaves none.
func (p *packet) fill(codec media.Codec, u *media.Unit) error {
	p.Unref()
	p.buf = p.buf[:0]
	access := u.Access
	if set := func(piece []byte) bool { return isSet(codec, piece) }; slices.ContainsFunc(access, set) {
		access = slices.DeleteFunc(slices.Clone(access), set)
	}
	if framed(codec) {
		var err error
		if p.buf, err = bitstream.Append(p.buf, codec, access); err != nil {
			return err
		}
	} else {
		for _, piece := range access {
			p.buf = append(p.buf, piece...)
		}
	}
	size := len(p.buf)
	p.buf = append(p.buf, make([]byte, padding)...)
	if err := p.FromData(p.buf); err != nil {
		return err
	}
	p.SetSize(size)
	p.SetPts(int64(u.PTS))
	p.SetDts(int64(u.DTS))
	return nil
}
