package rtp

import (
	"bytes"
	"errors"
	"fmt"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// Depacketizer puts the access units of one layer of one track together. It belongs
// to one goroutine.
//
// It gives out nothing that cannot be decoded: a stream starts at a key unit, and
// where a packet is missing or damaged, it goes on at the next key unit, which is
// marked as a Gap. While [Depacketizer.Waiting], a key unit should be asked for.
type Depacketizer struct {
	codec  media.Codec
	format format
	limits bitstream.Limits
	params *bitstream.Params
	dts    *bitstream.DTS
	last   media.Ticks // DTS of the last frame
	frames bool        // there was one

	started bool
	ssrc    uint32
	next    uint16 // sequence number that should come
	gap     bool   // something was lost since the last frame
	waiting bool   // for a key unit

	picture assembly
	open    bool       // packets of a picture have come, its end has not
	damaged bool       // it will not be complete
	mark    Mark       // of its first packet
	head    media.Unit // its first packet, which has its times
}

// Frame is an access unit that came out of a [Depacketizer].
type Frame struct {
	// Unit is complete but for its Track, which is nil: that is the caller's to make
	// (from Params), since it knows the other layers. Arrived and Capture are those
	// of the first packet. Access shares the packets' bytes where it can.
	Unit media.Unit
	// Params is the decoder configuration in force for this frame. It is the same
	// pointer until something changes. For VP8 it has no Config.
	Params *bitstream.Params
}

// NewDepacketizer begins with the next packet of a layer of t. The track's
// configuration is where it starts from, if there is one; parameter sets in band
// replace it. Errors are as those of [NewPacketizer].
func NewDepacketizer(t *media.Track, layer int8, limits bitstream.Limits) (*Depacketizer, error) {
	f, err := formatOf(t.Codec)
	if err != nil {
		return nil, err
	}
	d := &Depacketizer{codec: t.Codec, format: f, limits: limits, waiting: t.Kind() == media.KindVideo}
	d.head.Layer = layer
	config := t.LayerConfig(layer)
	if t.Codec == media.CodecOpus && config == nil {
		config = bitstream.OpusHead(opusChannels(t.Channels), 0)
	}
	if config != nil && f.picture == nil {
		p, err := bitstream.Parse(t.Codec, config, limits)
		if err != nil {
			return nil, err
		}
		d.use(p)
	}
	return d, nil
}

// Params is the configuration known so far, or nil.
func (d *Depacketizer) Params() *bitstream.Params { return d.params }

// Waiting says that nothing comes out before the next key unit, and that none is
// coming in. It is so from the beginning.
func (d *Depacketizer) Waiting() bool {
	return d.waiting && !(d.open && !d.damaged && d.mark.Key)
}

// Push takes the next packet, in order and without repeats, and appends to dst the
// frames that it completes, at most two. An error says why a picture was lost; the
// next packet may be fine. Holes are seen by sequence numbers; the packets' Gap flags
// mean nothing here, because a late packet may have filled the hole.
func (d *Depacketizer) Push(dst []Frame, u *media.Unit) ([]Frame, error) {
	r := u.RTP
	if d.started && (r.SSRC != d.ssrc || r.Sequence != d.next) {
		d.lose()
	}
	if u.Flags.Has(media.Discontinuity) {
		d.head.Flags |= media.Discontinuity
	}
	d.started, d.ssrc, d.next = true, r.SSRC, r.Sequence+1
	if len(r.Payload) == 0 {
		return dst, nil // padding
	}
	var err error
	if d.open && r.Timestamp != d.head.RTP.Timestamp {
		dst, err = d.finish(dst)
	}
	if !d.open {
		d.begin(u)
	}
	if !d.damaged {
		if e := d.format.unpack(&d.picture, r.Payload); e != nil {
			d.damaged, err = true, e
		}
	}
	if r.Marker || d.codec.Kind() == media.KindAudio {
		var e error
		if dst, e = d.finish(dst); e != nil {
			err = e
		}
	}
	return dst, err
}

// Flush appends to dst the picture at hand at the end of the stream, if it may be
// complete.
func (d *Depacketizer) Flush(dst []Frame) ([]Frame, error) {
	if !d.open {
		return dst, nil
	}
	return d.finish(dst)
}

// lose notes that packets are missing before the one at hand.
func (d *Depacketizer) lose() {
	d.gap, d.damaged = true, d.open
	d.waiting = d.codec.Kind() == media.KindVideo
}

func (d *Depacketizer) begin(u *media.Unit) {
	flags := d.head.Flags
	d.head = media.Unit{
		Layer: d.head.Layer, PTS: u.PTS, DTS: u.PTS, Capture: u.Capture, Arrived: u.Arrived, Flags: flags, RTP: u.RTP,
	}
	d.open, d.mark = true, d.format.peek(u.RTP.Payload)
	// Whether the beginning of a picture is missing is in doubt only behind a hole.
	d.damaged = d.waiting && !d.mark.Start
	d.picture.reset()
}

// finish appends the picture at hand to dst, if it is complete and wanted.
func (d *Depacketizer) finish(dst []Frame) ([]Frame, error) {
	d.open = false
	if d.damaged {
		d.lose()
		return dst, nil
	}
	f, err := d.frame()
	if err != nil {
		d.lose()
		return dst, err
	}
	if f.Unit.Access == nil {
		return dst, nil
	}
	if d.waiting && !f.Unit.Flags.Has(media.Key) {
		return dst, nil
	}
	if d.gap {
		f.Unit.Flags |= media.Gap
		d.dts = bitstream.NewDTS(f.Params) // it would spread the reordering over the hole
	}
	if f.Unit.DTS, err = d.decodedAt(&f.Unit); err != nil {
		d.lose()
		return dst, err
	}
	d.gap, d.waiting, d.head.Flags = false, false, 0
	d.last, d.frames = f.Unit.DTS, true
	return append(dst, f), nil
}

// frame brings the picture at hand into normal form. Access is nil if there is no
// picture in it.
func (d *Depacketizer) frame() (Frame, error) {
	units, err := d.picture.join()
	if err != nil {
		return Frame{}, err
	}
	f := Frame{Unit: d.head}
	f.Unit.RTP = nil
	if d.format.picture != nil {
		err = d.describe(&f, units)
		return f, err
	}
	if d.params == nil {
		p, err := bitstream.FromSets(d.codec, units, d.limits)
		if errors.Is(err, bitstream.ErrMalformed) && !bitstream.FlagsOf(d.codec, units).Has(media.Key) {
			return Frame{}, nil // before the first key unit
		}
		if err != nil {
			return Frame{}, fmt.Errorf("no configuration yet: %w", err)
		}
		d.use(p)
	}
	au, err := d.params.Normal(units)
	if err != nil {
		return Frame{}, err
	}
	if au.Params != nil {
		d.use(au.Params)
	}
	f.Unit.Access, f.Params = au.Access, d.params
	f.Unit.Flags |= au.Flags
	return f, nil
}

// describe completes a frame of VP8 or VP9, whose configuration stands in key frames.
func (d *Depacketizer) describe(f *Frame, units [][]byte) error {
	if len(units) == 0 {
		return nil
	}
	p, err := d.format.picture(units[0], d.limits)
	if err != nil {
		return err
	}
	if p != nil && (d.params == nil || d.params.Width != p.Width || d.params.Height != p.Height || !bytes.Equal(d.params.Config, p.Config)) {
		d.use(p)
	}
	f.Unit.Access, f.Params = units, d.params
	f.Unit.Flags |= media.FrameEnd
	if p != nil {
		f.Unit.Flags |= media.Key
	}
	if d.mark.Droppable {
		f.Unit.Flags |= media.Droppable
	}
	return nil
}

func (d *Depacketizer) use(p *bitstream.Params) {
	d.params, d.dts = p, bitstream.NewDTS(p)
}

// decodedAt is the unit's DTS: it rises, whatever timestamps and configurations do.
// Where the order of pictures cannot be read, they are taken to be in order, as they
// mostly are where RTP is used.
func (d *Depacketizer) decodedAt(u *media.Unit) (media.Ticks, error) {
	dts, err := d.dts.Next(u.Access, u.PTS)
	if err != nil {
		dts = u.PTS
	}
	if d.frames && dts <= d.last {
		dts = d.last + 1
	}
	if dts > u.PTS {
		return 0, malformed("a picture is shown at %d, when the next was decoded", u.PTS)
	}
	return dts, nil
}

// checkSize compares the size of a picture with the limits.
func checkSize(p *bitstream.Params, l bitstream.Limits) error {
	def := bitstream.DefaultLimits()
	width, height := l.MaxWidth, l.MaxHeight
	if width == 0 {
		width = def.MaxWidth
	}
	if height == 0 {
		height = def.MaxHeight
	}
	if p.Width == 0 || p.Height == 0 {
		return malformed("picture size %d×%d", p.Width, p.Height)
	}
	if p.Width > width || p.Height > height {
		return &bitstream.LimitError{
			What:   fmt.Sprintf("the picture is %d×%d", p.Width, p.Height),
			Limit:  fmt.Sprintf("%d×%d", width, height),
			Advice: "lower the output resolution in the encoder",
		}
	}
	return nil
}
