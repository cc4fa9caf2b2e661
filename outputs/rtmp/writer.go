package rtmp

import (
	"bytes"
	"fmt"

	"weir/pipeline/bitstream/flv"
	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
)

// pen writes messages.
type pen interface {
	Append(m rtmpd.Message) error
	Flush() error
	Err() error
	// Takes says whether the server takes a codec, and whether it has said so.
	Takes(fourCC string) (takes, said bool)
}

// writer makes messages of units. The first of a track, and of other parameters, comes
// behind a sequence header.
type writer struct {
	pen
	video, audio *media.Track // whose headers were written
	scratch      []byte
}

// unit appends one.
func (w *writer) unit(u *media.Unit) error {
	last := &w.audio
	if picture(u) {
		last = &w.video
	}
	if t := *last; t == nil || t != u.Track && !alike(t, u.Track, u.Layer) {
		if err := w.begin(u); err != nil {
			return err
		}
	}
	*last = u.Track
	dts := stamp(u.Track, u.DTS)
	tag, err := flv.Append(w.scratch[:0], flv.Unit{
		Track: u.Track, Layer: u.Layer, DTS: uint32(dts), CTS: int32(stamp(u.Track, u.PTS) - dts), Flags: u.Flags, Access: u.Access,
	})
	if err != nil {
		return err
	}
	w.scratch = tag.Payload
	return w.tag(tag)
}

// stamp is a time in milliseconds since the instance's epoch. Rounding each keeps them
// exact for ever, and the same in all sessions and all pushes.
func stamp(t *media.Track, at media.Ticks) int64 {
	return max(0, int64(media.Rescale(at, t.Rate, media.MilliRate)))
}

func alike(a, b *media.Track, layer int8) bool {
	return a.Codec == b.Codec && a.Channels == b.Channels && a.Rate == b.Rate && bytes.Equal(a.LayerConfig(layer), b.LayerConfig(layer))
}

// begin appends metadata in front of pictures, and the sequence header.
func (w *writer) begin(u *media.Unit) error {
	if four := flv.FourCC(u.Track.Codec); four != "" {
		if takes, said := w.Takes(four); said && !takes {
			return &codecError{u.Track.Codec.String()}
		}
	}
	if picture(u) && int(u.Layer) < len(u.Track.Layers) {
		l := u.Track.Layers[u.Layer]
		tag := flv.Metadata{Width: l.Width, Height: l.Height, FPS: l.FPS, VideoBitrate: l.Bitrate, Encoder: "weir"}.Tag(true)
		if err := w.tag(tag); err != nil {
			return err
		}
	}
	tag, err := flv.SequenceHeader(u.Track, u.Layer, uint32(stamp(u.Track, u.DTS)))
	if err != nil {
		return fmt.Errorf("track %s: %w", u.Track.ID, err)
	}
	if len(tag.Payload) == 0 {
		return nil
	}
	return w.tag(tag)
}

func (w *writer) tag(t flv.Tag) error {
	return w.Append(rtmpd.Message{Type: uint8(t.Type), Timestamp: t.Timestamp, Payload: t.Payload})
}
