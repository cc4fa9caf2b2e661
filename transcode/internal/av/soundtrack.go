//go:build libav && cgo

package av

import (
	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// soundTrack is a track of sound that is made.
type soundTrack struct {
	want wire.Audio
	out  *outlet
	// of is what is known of the sound at a time, in ticks of soundRate.
	of func(pts media.Ticks) stamp

	encoder *soundEncoder
	made    *media.Track
	last    media.Ticks // PTS of the last unit
	begun   bool
}

// open begins a track in the place of source, whose first sample will be at start.
func (t *soundTrack) open(source *media.Track, channels int, start media.Ticks) error {
	var err error
	if t.encoder, err = newSoundEncoder(t.want, channels, start); err != nil {
		return err
	}
	if t.made, err = t.encoder.track(source); err != nil {
		return err
	}
	if t.last = -1; start < 0 {
		t.last = start - t.encoder.padding - 1
	}
	return t.out.announce(source.ID, t.made)
}

func (t *soundTrack) next() media.Ticks { return t.encoder.end() }

func (t *soundTrack) skip(to media.Ticks) error { return t.encoder.restart(to, t.encoded) }

func (t *soundTrack) put(f *astiav.Frame) error { return t.encoder.encode(f, t.encoded) }

// encoded sends a coded frame. Those before the beginning of time hold nothing but the
// encoder's own delay.
func (t *soundTrack) encoded(data []byte, pts media.Ticks) error {
	if pts <= t.last {
		return nil
	}
	s := t.of(pts)
	flags := media.Key | media.FrameEnd
	if t.begun && pts-t.last != media.Ticks(t.encoder.size) {
		flags |= media.Gap
	}
	t.last, t.begun = pts, true
	return t.out.unit(&media.Unit{
		Track: t.made, PTS: pts, DTS: pts, Capture: s.capture, Arrived: s.arrived,
		Flags: flags, Access: [][]byte{data},
	})
}

func (t *soundTrack) control(c wire.Control) {
	if t.encoder != nil && c.Bitrate > 0 {
		t.encoder.ctx.SetBitRate(c.Bitrate)
	}
}

// flush sends what is left. Only close may follow.
func (t *soundTrack) flush() error {
	if t.encoder == nil {
		return nil
	}
	return t.encoder.flush(t.encoded)
}

func (t *soundTrack) close() {
	if t.encoder != nil {
		t.encoder.close()
	}
}
