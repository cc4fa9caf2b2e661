package rtp

import (
	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// packVP9 cuts a frame into packets with a descriptor of three bytes (RFC 9628
// section 4.2): non-flexible mode, a picture ID of 15 bits, no layers.
func packVP9(w *writer, access [][]byte, flags media.Flags) {
	const id, inter, begins, ends = 0x80, 0x40, 0x08, 0x04
	head := byte(id)
	if !flags.Has(media.Key) {
		head |= inter
	}
	packFrame(w, access, 3, func(first, last bool) {
		h := head
		if first {
			h |= begins
		}
		if last {
			h |= ends
		}
		w.begin(h, 0x80|byte(w.pictures>>8), byte(w.pictures))
	})
	w.pictures++
}

// vp9Descriptor is a payload descriptor (RFC 9628 section 4.2).
type vp9Descriptor struct {
	inter             bool // refers to earlier pictures
	begins            bool // a frame of one spatial layer begins
	temporal, spatial int8
}

func parseVP9(b []byte) (d vp9Descriptor, rest []byte, err error) {
	r := byteReader{buf: b}
	head := r.next()
	flexible := head&0x10 != 0
	d.inter, d.begins, d.temporal, d.spatial = head&0x40 != 0, head&0x08 != 0, -1, -1
	if head&0x80 != 0 && r.next()&0x80 != 0 { // I: picture ID, of 15 bits
		r.next()
	}
	if head&0x20 != 0 { // L: layer indices
		l := r.next()
		d.temporal, d.spatial = int8(l>>5), int8(l>>1&7)
		if !flexible { // TL0PICIDX
			r.next()
		}
	}
	if flexible && d.inter { // P_DIFF, while the last bit says that there is another
		for range 3 {
			if r.next()&1 == 0 {
				break
			}
		}
	}
	if head&0x02 != 0 { // V
		skipStructure(&r)
	}
	if r.short || r.at == len(b) {
		return d, nil, malformed("VP9 packet: no more than a descriptor")
	}
	return d, b[r.at:], nil
}

// skipStructure reads a scalability structure (RFC 9628 section 4.2.1).
func skipStructure(r *byteReader) {
	head := r.next()
	if head&0x10 != 0 { // Y: sizes of all spatial layers
		for range 4 * (int(head>>5) + 1) {
			r.next()
		}
	}
	if head&0x08 == 0 { // G
		return
	}
	for range r.next() {
		for range r.next() >> 2 & 3 {
			r.next()
		}
		if r.short {
			return
		}
	}
}

// unpackVP9 adds a packet. The frames of all spatial layers of a picture follow
// each other in one unit, as decoders take them.
func unpackVP9(a *assembly, b []byte) error {
	d, data, err := parseVP9(b)
	if err != nil {
		return err
	}
	return unpackPart(a, data, d.begins)
}

func peekVP9(b []byte) Mark {
	d, data, err := parseVP9(b)
	if err != nil {
		return unknown()
	}
	m := Mark{Temporal: d.temporal, Spatial: d.spatial}
	m.Start = d.begins && d.spatial <= 0
	if m.Start && !d.inter {
		// Some senders never set P, so that the frame itself has to say it too.
		m.Key = bitstream.FlagsOf(media.CodecVP9, [][]byte{data}).Has(media.Key)
	}
	return m
}

// vp9Picture describes a frame, if it is a key frame.
func vp9Picture(frame []byte, l bitstream.Limits) (*bitstream.Params, error) {
	access := [][]byte{frame}
	if !bitstream.FlagsOf(media.CodecVP9, access).Has(media.Key) {
		return nil, nil
	}
	return bitstream.FromSets(media.CodecVP9, access, l)
}
