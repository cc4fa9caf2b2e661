package rtp

import "weir/pipeline/media"

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
		h := vp9Header{buf: data}
		m.Key = h.key()
	}
	return m
}

// vp9Picture reads the header of a frame. Where a picture has spatial layers, it is
// the size of the lowest.
func vp9Picture(frame []byte) (picture, error) {
	h := vp9Header{buf: frame}
	if !h.key() {
		return picture{}, nil
	}
	p := picture{key: true}
	if h.bits(2); h.bits(24) != 0x498342 { // show_frame, error_resilient_mode, frame_sync_code
		return picture{}, malformed("VP9 key frame without a sync code")
	}
	h.skipColour()
	p.width, p.height = int(h.bits(16))+1, int(h.bits(16))+1
	if h.pos > 8*len(frame) {
		return picture{}, malformed("VP9 key frame: cut off")
	}
	return p, nil
}

// vp9Header reads an uncompressed header (VP9 bitstream specification, section
// 6.2). Behind the end there are zeros.
type vp9Header struct {
	buf     []byte
	pos     int // in bits
	profile uint32
}

func (h *vp9Header) bits(n int) uint32 {
	var v uint32
	for range n {
		v <<= 1
		if i := h.pos >> 3; i < len(h.buf) {
			v |= uint32(h.buf[i] >> (7 - h.pos&7) & 1)
		}
		h.pos++
	}
	return v
}

// key reads up to frame_type, and says whether this is a key frame.
func (h *vp9Header) key() bool {
	if len(h.buf) == 0 || h.bits(2) != 2 { // frame_marker
		return false
	}
	h.profile = h.bits(1) | h.bits(1)<<1
	if h.profile == 3 {
		h.bits(1)
	}
	existing := h.bits(1)
	return existing == 0 && h.bits(1) == 0
}

// skipColour reads a color_config (section 6.2.2).
func (h *vp9Header) skipColour() {
	const rgb = 7
	if h.profile >= 2 {
		h.bits(1) // ten_or_twelve_bit
	}
	odd := h.profile&1 != 0
	switch space := h.bits(3); {
	case space != rgb && odd:
		h.bits(4) // color_range, subsampling_x, subsampling_y, reserved
	case space != rgb, odd:
		h.bits(1) // color_range, or reserved
	}
}
