package rtp

import "weir/pipeline/media"

// Mark is what a packet's payload tells of its picture without being taken apart.
type Mark struct {
	// Key: a picture at which decoding can start begins in this packet. For H264 and
	// H265 that is a packet with an SPS (for H265 also a VPS) or the first slice of
	// an IDR (IRAP) picture, so that several packets of a picture may be marked; an
	// [Inspector] keeps the first. Every Opus packet is one.
	Key bool
	// Start: a picture can begin with this packet. If it is false, the packet
	// certainly continues one.
	Start bool
	// Droppable: the packet belongs to a picture that no other refers to, as far as
	// the payload says so: nal_ref_idc of H264, the N bit of VP8.
	Droppable bool
	// Temporal and Spatial are the numbers of the picture's layers, the lowest 0, as
	// H265, VP8, VP9 and AV1 may tell; -1 if unknown.
	Temporal, Spatial int8
}

// unknown is the mark of a packet that tells nothing.
func unknown() Mark { return Mark{Temporal: -1, Spatial: -1} }

// Peek reads a payload, which may be any bytes. It does not allocate.
func Peek(codec media.Codec, payload []byte) Mark {
	f, err := formatOf(codec)
	if err != nil || len(payload) == 0 {
		return unknown()
	}
	return f.peek(payload)
}

// KeyStart says whether a key picture begins in this packet: Mark.Key.
func KeyStart(codec media.Codec, payload []byte) bool { return Peek(codec, payload).Key }

// FrameStart says whether a picture can begin with this packet: Mark.Start.
func FrameStart(codec media.Codec, payload []byte) bool { return Peek(codec, payload).Start }

// Inspector finds the flags of packets that are passed on as they are. It belongs
// to one layer of one track and to one goroutine. Packets should come in order;
// one that is late gets no Key and no Gap.
type Inspector struct {
	audio   bool
	peek    func(payload []byte) Mark
	started bool
	ssrc    uint32
	last    uint16 // the highest sequence number so far
	keyed   bool
	keyTime uint32 // of the newest key picture
}

// NewInspector begins with the next packet of a stream of that codec.
func NewInspector(codec media.Codec) *Inspector {
	i := &Inspector{audio: codec.Kind() == media.KindAudio, peek: peekNothing}
	if f, err := formatOf(codec); err == nil {
		i.peek = f.peek
	}
	return i
}

func peekNothing([]byte) Mark { return unknown() }

// Flags are those of the next packet: Key on the first packet of a key picture and
// on every audio packet, FrameEnd by the marker bit and on every audio packet,
// Droppable as [Mark] has it, Gap where sequence numbers are missing before it,
// Discontinuity where the SSRC is another one.
func (i *Inspector) Flags(p *media.RTP) media.Flags {
	f, late := i.place(p)
	if i.audio {
		return f | media.Key | media.FrameEnd
	}
	m := unknown()
	if len(p.Payload) > 0 {
		m = i.peek(p.Payload)
	}
	if m.Key && !late && (!i.keyed || i.keyTime != p.Timestamp) {
		i.keyed, i.keyTime = true, p.Timestamp
		f |= media.Key
	}
	if m.Droppable {
		f |= media.Droppable
	}
	if p.Marker {
		f |= media.FrameEnd
	}
	return f
}

// place compares a packet with the ones before.
func (i *Inspector) place(p *media.RTP) (f media.Flags, late bool) {
	switch {
	case !i.started:
		i.started = true
	case i.ssrc != p.SSRC:
		f, i.keyed = media.Discontinuity, false
	case int16(p.Sequence-i.last) <= 0:
		return 0, true
	case p.Sequence != i.last+1:
		f = media.Gap
	}
	i.ssrc, i.last = p.SSRC, p.Sequence
	return f, false
}
