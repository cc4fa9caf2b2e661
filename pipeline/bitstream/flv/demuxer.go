package flv

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// Demuxer turns the tags of one publisher, or of one file, into tracks and coded
// units. It is not safe for concurrent use.
type Demuxer struct {
	limits       bitstream.Limits
	video, audio stream
	metadata     Metadata
	told         []Unsupported
}

// stream is what is known of one of the two tracks.
type stream struct {
	id     media.TrackID
	codec  media.Codec
	header []byte // the last decoder configuration, as it came
	params *bitstream.Params
	track  *media.Track
	// refused is set while the last configuration is one that cannot be used.
	refused bool
	gap     bool // a tag was lost since the last unit
}

// NewDemuxer makes a demuxer that refuses what exceeds limits.
func NewDemuxer(limits bitstream.Limits) *Demuxer {
	return &Demuxer{limits: limits, video: stream{id: VideoID}, audio: stream{id: AudioID}}
}

// Demux takes the next tag. The payload belongs to the Result's unit from then
// on: the caller must not write to it again.
//
// Its errors leave the demuxer usable and are of three sorts. [*Unsupported]:
// this track, or part of it, cannot be used; said once, then such tags give empty
// results. [*bitstream.LimitError]: the publisher declared more than allowed, and
// the track stays silent until it declares less. Anything else matches
// [bitstream.ErrMalformed]: this tag is lost, and the track's next unit has
// media.Gap set.
func (d *Demuxer) Demux(t Tag) (Result, error) {
	switch t.Type {
	case Video:
		return d.demux(&d.video, t, parseVideo)
	case Audio:
		return d.demux(&d.audio, t, parseAudio)
	case Script:
		return d.script(t.Payload)
	default:
		return Result{}, nil
	}
}

func (d *Demuxer) demux(s *stream, t Tag, parse func([]byte) (packet, error)) (Result, error) {
	if len(t.Payload) > bitstream.MaxUnit {
		s.gap = true
		return Result{}, fmt.Errorf("%s: %w tag of %d bytes", s.id, bitstream.ErrMalformed, len(t.Payload))
	}
	p, err := parse(t.Payload)
	var r Result
	if err == nil {
		r, err = d.packet(s, p, t.Timestamp)
	}
	if err == nil {
		return r, nil
	}
	return Result{}, d.failure(s, err)
}

func (d *Demuxer) packet(s *stream, p packet, timestamp uint32) (Result, error) {
	switch p.kind {
	case packetStart:
		return d.configure(s, p)
	case packetFrames:
		return d.unit(s, p, timestamp)
	case packetEnd:
		return Result{Ended: s.id}, nil
	default:
		return Result{}, nil
	}
}

// configure takes a sequence header. The same one again changes nothing.
func (d *Demuxer) configure(s *stream, p packet) (Result, error) {
	if s.params != nil && s.codec == p.codec && bytes.Equal(s.header, p.body) {
		return Result{}, nil
	}
	params, err := bitstream.Parse(p.codec, p.body, d.limits)
	if err != nil {
		if !errors.Is(err, bitstream.ErrMalformed) {
			s.params, s.refused = nil, true // what follows is coded so
		}
		return Result{}, err
	}
	s.codec, s.header, s.refused = p.codec, slices.Clone(p.body), false
	return Result{Track: d.adopt(s, params)}, nil
}

// adopt makes params those of the stream, and a new track if it differs by them
// from the one before; else nil.
func (d *Demuxer) adopt(s *stream, params *bitstream.Params) *media.Track {
	s.params = params
	if t := s.track; t != nil && t.Codec == params.Codec && t.Rate == params.Rate &&
		t.Channels == params.Channels && bytes.Equal(t.Config, params.Config) {
		return nil
	}
	s.track = params.Track(s.id)
	if len(s.track.Layers) > 0 {
		d.metadata.hint(&s.track.Layers[0], d.limits)
	}
	return s.track
}

func (d *Demuxer) unit(s *stream, p packet, timestamp uint32) (Result, error) {
	var r Result
	if s.refused {
		return r, nil
	}
	if p.codec == media.CodecMP3 {
		track, err := d.configureByFrame(s, p)
		if err != nil {
			return r, err
		}
		r.Track = track
	}
	if s.params == nil || s.codec != p.codec {
		return r, unsupported(s.id, "the %s comes without the %v configuration that must precede it: restart the encoder",
			s.id, p.codec)
	}
	au, err := s.params.Split(p.body)
	if err != nil {
		return r, err
	}
	if au.Params != nil {
		r.Track = d.adopt(s, au.Params)
	}
	if len(au.Access) == 0 {
		return r, nil
	}
	r.Unit = Unit{
		Track: s.track, DTS: timestamp, CTS: p.cts, Nanos: p.nanos,
		Flags: au.Flags, Access: au.Access,
	}
	if s.gap {
		r.Unit.Flags |= media.Gap
		s.gap = false
	}
	return r, nil
}

// configureByFrame is for a codec whose frames describe themselves. A new track
// is made when the first bytes of a frame say other than before.
func (d *Demuxer) configureByFrame(s *stream, p packet) (*media.Track, error) {
	params, err := bitstream.FromSets(p.codec, [][]byte{p.body}, d.limits)
	if err != nil {
		return nil, err
	}
	s.codec = p.codec
	return d.adopt(s, params), nil
}

// failure decides what becomes of an error: something unsupported is said once.
func (d *Demuxer) failure(s *stream, err error) error {
	var codec *bitstream.UnsupportedError
	if errors.As(err, &codec) {
		err = &Unsupported{Track: s.id, What: codec.What}
	}
	var u *Unsupported
	if !errors.As(err, &u) {
		s.gap = true
		return err
	}
	const most = 16
	if slices.Contains(d.told, *u) || len(d.told) == most {
		return nil
	}
	d.told = append(d.told, *u)
	return u
}
