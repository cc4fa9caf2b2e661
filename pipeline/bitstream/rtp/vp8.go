package rtp

import (
	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// packVP8 cuts a frame into packets with the shortest descriptor (RFC 7741 section
// 4.2): whether the frame begins and whether it can be dropped.
func packVP8(w *writer, access [][]byte, flags media.Flags) {
	head := byte(0)
	if flags.Has(media.Droppable) {
		head = 0x20
	}
	packFrame(w, access, 1, func(first, _ bool) {
		if first {
			w.begin(head | 0x10)
		} else {
			w.begin(head)
		}
	})
}

// packFrame cuts a frame into packets that are full but for the last one. begin
// starts each with a descriptor of size bytes.
func packFrame(w *writer, access [][]byte, size int, begin func(first, last bool)) {
	n, room := total(access), w.mtu-size
	w.bound = n + (n/room+1)*size
	if n == 0 {
		return
	}
	free := 0
	for _, b := range access {
		for len(b) > 0 {
			if free == 0 {
				if len(w.buf) > 0 {
					w.end()
				}
				free = min(room, n)
				begin(len(w.buf) == 0, free == n)
				n -= free
			}
			k := min(free, len(b))
			w.add(b[:k])
			free, b = free-k, b[k:]
		}
	}
	w.end()
}

// vp8Descriptor is a payload descriptor (RFC 7741 section 4.2).
type vp8Descriptor struct {
	first     bool // the frame begins
	droppable bool
	temporal  int8
}

func parseVP8(b []byte) (d vp8Descriptor, rest []byte, err error) {
	r := byteReader{buf: b}
	head := r.next()
	d.first, d.droppable, d.temporal = head&0x10 != 0 && head&0x07 == 0, head&0x20 != 0, -1
	if head&0x80 != 0 {
		extra := r.next()
		if extra&0x80 != 0 && r.next()&0x80 != 0 { // PictureID, of 15 bits
			r.next()
		}
		if extra&0x40 != 0 { // TL0PICIDX
			r.next()
		}
		if extra&0x30 != 0 { // TID, KEYIDX
			t := r.next()
			if extra&0x20 != 0 {
				d.temporal = int8(t >> 6)
			}
		}
	}
	if r.short || r.at == len(b) {
		return d, nil, malformed("VP8 packet: no more than a descriptor")
	}
	return d, b[r.at:], nil
}

func unpackVP8(a *assembly, b []byte) error {
	d, data, err := parseVP8(b)
	if err != nil {
		return err
	}
	return unpackPart(a, data, d.first)
}

// unpackPart adds a part of the only frame of a picture, whose end the marker bit
// tells.
func unpackPart(a *assembly, data []byte, first bool) error {
	if len(a.units) == 0 {
		if !first {
			return malformed("a frame has no beginning")
		}
		err := a.begin(nil, data)
		a.end()
		return err
	}
	return a.append(part{data: data})
}

func peekVP8(b []byte) Mark {
	d, data, err := parseVP8(b)
	if err != nil {
		return unknown()
	}
	key := d.first && data[0]&1 == 0
	return Mark{Key: key, Start: d.first, Droppable: d.droppable && !key, Temporal: d.temporal, Spatial: -1}
}

// vp8Picture reads the header of a frame (RFC 6386 section 9.1).
func vp8Picture(frame []byte, l bitstream.Limits) (*bitstream.Params, error) {
	if frame[0]&1 != 0 {
		return nil, nil
	}
	if len(frame) < 10 || string(frame[3:6]) != "\x9D\x01\x2A" {
		return nil, malformed("VP8 key frame without a start code")
	}
	p := &bitstream.Params{
		Codec: media.CodecVP8, Rate: media.VideoRate,
		Width: int(frame[7]&0x3F)<<8 | int(frame[6]), Height: int(frame[9]&0x3F)<<8 | int(frame[8]),
	}
	return p, checkSize(p, l)
}

// byteReader reads bytes. Reading past the end gives zeros and sets short.
type byteReader struct {
	buf   []byte
	at    int
	short bool
}

func (r *byteReader) next() byte {
	if r.at >= len(r.buf) {
		r.short = true
		return 0
	}
	r.at++
	return r.buf[r.at-1]
}
