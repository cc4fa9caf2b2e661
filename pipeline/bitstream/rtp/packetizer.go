package rtp

import (
	"fmt"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// Bounds of the payload bytes of a packet.
const (
	// DefaultMTU leaves room for IPv6, UDP or TCP, TURN, the RTP header with
	// extensions and the SRTP tag within 1280 bytes.
	DefaultMTU = 1200
	minMTU     = 128
	maxMTU     = 65_000
)

// Packetizer lays the access units of one layer of one track into RTP packets. It
// belongs to one goroutine.
type Packetizer struct {
	track    *media.Track
	layer    int8
	format   format
	sets     [][]byte // what comes before a key unit
	sequence uint16
	writer   writer
	scratch  [][]byte
}

// NewPacketizer makes a packetizer for a layer of t, the track in FormRTP as it
// goes out. mtu is the most payload bytes of a packet, without RTP header. An
// error is an *UnsupportedError of package bitstream for a codec that is not among
// [Codecs], or says what is wrong with the layer's configuration.
func NewPacketizer(t *media.Track, layer int8, mtu int) (*Packetizer, error) {
	if mtu < minMTU || mtu > maxMTU {
		return nil, fmt.Errorf("payloads of %d bytes: between %d and %d are possible", mtu, minMTU, maxMTU)
	}
	p := &Packetizer{layer: layer, writer: writer{mtu: mtu}}
	return p, p.SetTrack(t)
}

// SetTrack goes on with changed parameters, or another codec, at the next unit.
// Sequence numbers go on. After an error the packetizer is as it was.
func (p *Packetizer) SetTrack(t *media.Track) error {
	f, err := formatOf(t.Codec)
	if err != nil {
		return err
	}
	var sets [][]byte
	if config := t.LayerConfig(p.layer); config != nil && inBand(t.Codec) {
		if sets, err = bitstream.ParameterSets(t.Codec, config); err != nil {
			return err
		}
	}
	p.track, p.format, p.sets = t, f, sets
	return nil
}

// inBand says whether the parameter sets must be put before each key unit. A key
// unit of AV1 has its sequence header already.
func inBand(c media.Codec) bool { return c == media.CodecH264 || c == media.CodecH265 }

// packet is a unit and what it points to, so that a picture's packets are one
// allocation.
type packet struct {
	unit media.Unit
	rtp  media.RTP
}

// Packetize appends the packets of u to dst. Parameter sets come before each key
// unit. The packets have the times of u and share its bytes where a payload is
// nothing else than a part of u; the rest are in one buffer. Their payload type
// and SSRC are 0: who sends them puts his own there, and maps sequence numbers,
// which start at 0 and rise by one, and timestamps, which are the lower 32 bits of
// PTS. The flags are as the package says. A unit without content has no packets.
func (p *Packetizer) Packetize(dst []*media.Unit, u *media.Unit) []*media.Unit {
	access := u.Access
	if len(p.sets) > 0 && u.Flags.Has(media.Key) {
		p.scratch = append(append(p.scratch[:0], p.sets...), access...)
		access = p.scratch
	}
	p.writer.reset()
	p.format.pack(&p.writer, access, u.Flags)
	clear(p.scratch)

	payloads := p.writer.payloads
	packets := make([]packet, len(payloads))
	once := u.Flags & (media.Key | media.Gap | media.Discontinuity)
	for i, payload := range payloads {
		k := &packets[i]
		k.rtp = media.RTP{
			Marker:   i == len(payloads)-1 && u.Kind() == media.KindVideo,
			Sequence: p.sequence, Timestamp: uint32(u.PTS), Payload: payload,
		}
		p.sequence++
		k.unit = media.Unit{
			Track: p.track, Layer: p.layer, PTS: u.PTS, DTS: u.DTS, Capture: u.Capture, Arrived: u.Arrived,
			Flags: u.Flags&media.Droppable | once, RTP: &k.rtp,
		}
		once = 0
		if i == len(payloads)-1 {
			k.unit.Flags |= media.FrameEnd
		}
		dst = append(dst, &k.unit)
	}
	return dst
}

// writer lays payloads into one buffer, which is made when the first of them needs
// it.
type writer struct {
	mtu      int
	bound    int // the buffer's size: at least what the picture needs
	buf      []byte
	start    int
	payloads [][]byte
	pictures uint16 // written so far, for codecs that number them
}

func (w *writer) reset() {
	clear(w.payloads)
	w.payloads, w.buf = w.payloads[:0], nil
}

// begin starts a payload with head.
func (w *writer) begin(head ...byte) {
	if w.buf == nil {
		w.buf = make([]byte, 0, w.bound)
	}
	w.start = len(w.buf)
	w.buf = append(w.buf, head...)
}

func (w *writer) add(b []byte) { w.buf = append(w.buf, b...) }

func (w *writer) end() {
	w.payloads = append(w.payloads, w.buf[w.start:len(w.buf):len(w.buf)])
}

// whole is a payload that needs no copy.
func (w *writer) whole(b []byte) { w.payloads = append(w.payloads, b) }

func total(access [][]byte) int {
	n := 0
	for _, b := range access {
		n += len(b)
	}
	return n
}
