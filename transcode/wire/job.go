package wire

import (
	"errors"
	"fmt"

	"weir/pipeline/media"
)

// Job is what a worker is for, from its start to its end.
type Job struct {
	// Version is Version, once more, for whoever reads a job from a file.
	Version int `json:"version"`
	// Stage is the stage's full name, for the process list and the log.
	Stage string `json:"stage"`
	// Audio and Video say what is made of the tracks of their kind. A worker gets no
	// tracks of a kind that has none.
	Audio *Audio `json:"audio,omitempty"`
	Video *Video `json:"video,omitempty"`
	// Threads is how many threads the worker may keep busy; 0 leaves it to the worker.
	Threads int `json:"threads,omitempty"`
	// Test makes a worker without input that draws a test card.
	Test *Test `json:"test,omitempty"`
	// Mix makes a worker that composes its inputs.
	Mix *Mix `json:"mix,omitempty"`
}

// Test is a picture and sound that the worker makes itself, in real time, as the tracks
// "video" and "audio" where the job has Video and Audio. Package testcard says what is
// in it.
type Test struct {
	// Width and Height are in pixels and even.
	Width  int `json:"width"`
	Height int `json:"height"`
	// FPS is the frames a second.
	FPS float64 `json:"fps"`
	// Epoch is what times are counted from, and the pictures: the one that is shown at
	// n/FPS has the number n, whichever worker makes it. The zero Instant is the
	// worker's start.
	Epoch Instant `json:"epoch,omitzero"`
}

// Audio is made of each audio track.
type Audio struct {
	// Codec is CodecOpus or CodecAAC. A track that has it already is coded anew.
	Codec Codec `json:"codec"`
	// Bitrate is in bit/s; 0 leaves it to the worker.
	Bitrate int64 `json:"bitrate,omitempty"`
	// Channels is 1 or 2; 0 is the source's, but no more than 2.
	Channels int `json:"channels,omitempty"`
}

// Video is made of each video track.
type Video struct {
	Codec Codec `json:"codec"`
	// HW is "auto", "none", "nvenc" or "vaapi"; "" is "none".
	HW string `json:"hw,omitempty"`
	// Preset is libx264's word for how much time encoding may take; "" leaves it to
	// the worker.
	Preset string `json:"preset,omitempty"`
	// KeyframeEveryMillis is the time between key units, at multiples of it since the
	// epoch and the same on all layers; 0 makes a key unit of each that the source has.
	KeyframeEveryMillis int64 `json:"keyframe_every_ms,omitempty"`
	// Layers are those of the track that is made, in the same order. At least one.
	Layers []Layer `json:"layers"`
	// KeepSize makes one layer that is as large and as fast as the source is, also
	// after a change; Layers has one entry, of which only Bitrate counts, and 0 is
	// what suits the size.
	KeepSize bool `json:"keep_size,omitempty"`
}

// Layer is one rendition.
type Layer struct {
	Name string `json:"name"`
	// Width and Height are in pixels and even. One of them may be 0, which keeps the
	// picture's shape; both are 0 for the source's size. A picture is never enlarged.
	Width  int `json:"width,omitempty"`
	Height int `json:"height,omitempty"`
	// FPS is the most frames a second; 0 is the source's rate.
	FPS float64 `json:"fps,omitempty"`
	// Bitrate is in bit/s; 0 leaves it to the worker.
	Bitrate int64 `json:"bitrate,omitempty"`
}

// Codec is a media.Codec that is written by its name.
type Codec media.Codec

func (c Codec) kind() media.Kind { return media.Codec(c).Kind() }

// MarshalText implements encoding.TextMarshaler.
func (c Codec) MarshalText() ([]byte, error) {
	if c.kind() == 0 {
		return nil, errors.New("there is no such codec")
	}
	return []byte(media.Codec(c).String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Codec) UnmarshalText(b []byte) error {
	for _, m := range media.Codecs() {
		if m.String() == string(b) {
			*c = Codec(m)
			return nil
		}
	}
	return fmt.Errorf("%.20q is no codec", b)
}

// The most of anything that a job or a set of tracks may have.
const (
	maxTracks = 64
	maxLayers = 16
	maxPixels = 16384 // in one direction
	maxConfig = 64 << 10
)

// check says what of a job cannot be.
func (j *Job) check() error {
	if j.Version != Version {
		return fmt.Errorf("the job is of version %d and not %d", j.Version, Version)
	}
	if j.Threads < 0 {
		return fmt.Errorf("%d threads", j.Threads)
	}
	if a := j.Audio; a != nil {
		switch {
		case a.Codec.kind() != media.KindAudio:
			return fmt.Errorf("%s for sound", media.Codec(a.Codec))
		case a.Bitrate < 0 || a.Channels < 0 || a.Channels > 2:
			return fmt.Errorf("sound of %d bit/s and %d channels", a.Bitrate, a.Channels)
		}
	}
	if t := j.Test; t != nil && (t.Width == 0 || t.Height == 0 || bad(t.Width) || bad(t.Height) || !(t.FPS >= 1 && t.FPS <= 240)) {
		return fmt.Errorf("a test card of %dx%d and %g frames/s", t.Width, t.Height, t.FPS)
	}
	if j.Mix != nil && j.Test != nil {
		return errors.New("a test card is no mix of inputs")
	}
	if j.Mix != nil {
		if err := j.Mix.check(); err != nil {
			return err
		}
	}
	if j.Video != nil {
		return j.Video.check()
	}
	return nil
}

func (v *Video) check() error {
	n := len(v.Layers)
	switch {
	case v.Codec.kind() != media.KindVideo:
		return fmt.Errorf("%s for pictures", media.Codec(v.Codec))
	case n == 0, n > maxLayers, v.KeepSize && n != 1:
		return fmt.Errorf("%d layers", n)
	case v.KeyframeEveryMillis < 0:
		return fmt.Errorf("a key frame every %d ms", v.KeyframeEveryMillis)
	}
	for _, l := range v.Layers {
		if bad(l.Width) || bad(l.Height) || l.Bitrate < 0 || !(l.FPS >= 0 && l.FPS <= 1000) {
			return fmt.Errorf("layer %.20q of %dx%d, %g frames/s and %d bit/s", l.Name, l.Width, l.Height, l.FPS, l.Bitrate)
		}
	}
	return nil
}

func bad(pixels int) bool { return pixels < 0 || pixels > maxPixels || pixels%2 != 0 }
