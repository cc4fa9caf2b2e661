package fmp4

import (
	"encoding/binary"

	"weir/pipeline/media"
)

// Header is what an initialisation section says of a track.
type Header struct {
	Number uint32 // the track_ID
	Kind   media.Kind
	Rate   media.Rate
	// Language is an ISO 639-2 code in 15 bits.
	Language uint16
	// Width and Height are those of the pictures as shown, in 1/65536 of a pixel.
	Width, Height uint32
	// Entry is the box that describes samples, with the decoder's configuration in it.
	Entry []byte
}

// maxInit bounds an initialisation section, in bytes.
const maxInit = 1 << 20

// ReadInit reads what Init wrote. What it returns refers to b.
func ReadInit(b []byte) (all []Header, err error) {
	if len(b) > maxInit {
		return nil, errShape
	}
	err = children(b, func(kind string, moov []byte) error {
		if kind != "moov" {
			return nil
		}
		return children(moov, func(kind string, trak []byte) error {
			if kind != "trak" {
				return nil
			}
			var h Header
			err := h.read(trak)
			all = append(all, h)
			return err
		})
	})
	if err == nil && len(all) == 0 {
		err = errShape
	}
	return all, err
}

// read reads the content of a trak, or of what is in it.
func (h *Header) read(b []byte) error {
	err := children(b, func(kind string, b []byte) error {
		switch {
		case kind == "mdia", kind == "minf", kind == "stbl":
			return h.inner(b)
		case kind == "tkhd" && len(b) == 84:
			h.Number = binary.BigEndian.Uint32(b[12:])
			h.Width, h.Height = binary.BigEndian.Uint32(b[76:]), binary.BigEndian.Uint32(b[80:])
		}
		return nil
	})
	if err == nil && (h.Number == 0 || h.Rate == 0 || h.Kind == 0 || len(h.Entry) == 0) {
		err = errShape
	}
	return err
}

// inner reads the boxes of mdia, minf and stbl.
func (h *Header) inner(b []byte) error {
	return children(b, func(kind string, b []byte) error {
		switch {
		case kind == "minf", kind == "stbl":
			return h.inner(b)
		case kind == "mdhd" && len(b) == 24:
			h.Rate = media.Rate(binary.BigEndian.Uint32(b[12:]))
			h.Language = binary.BigEndian.Uint16(b[20:])
		case kind == "hdlr" && len(b) >= 12 && string(b[8:12]) == "vide":
			h.Kind = media.KindVideo
		case kind == "hdlr" && len(b) >= 12 && string(b[8:12]) == "soun":
			h.Kind = media.KindAudio
		case kind == "stsd" && len(b) > 8+boxHeader:
			if uint64(binary.BigEndian.Uint32(b[8:])) != uint64(len(b)-8) {
				return errShape
			}
			h.Entry = b[8:]
		}
		return nil
	})
}
