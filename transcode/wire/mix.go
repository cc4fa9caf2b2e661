package wire

import (
	"fmt"

	"weir/pipeline/media"
)

// Mix composes the pictures and the sound of many inputs. Such a job gets the tracks of
// all of them at once, video of one layer each, with the input's name as Group; times
// of all tracks are on one epoch. It makes one track "video" of Job.Video, the ladder
// of the canvas once composed, and one track "audio" of Job.Audio.
//
// The canvas is shown at n/FPS since the epoch, each n once. What is shown and heard at
// t is what the inputs gave for t; an input that is later than Latency shows its last
// picture, and is silent. While no input gives anything, time goes on by the clock.
type Mix struct {
	// Width and Height of the canvas are in pixels and even.
	Width  int `json:"width"`
	Height int `json:"height"`
	// FPS is the canvas's frames a second.
	FPS float64 `json:"fps"`
	// LatencyMillis is how long the slowest input is waited for, at most.
	LatencyMillis int64 `json:"latency_ms,omitempty"`
	// Background is a colour, as RGB takes it.
	Background string `json:"background,omitempty"`
	// Normalize brings each input slowly to a loudness of about -18 LUFS.
	Normalize bool `json:"normalize,omitempty"`
}

// Scene says what the canvas shows, and how loud what is, from the next picture on: all
// of it, whatever was there before. A job of Video without Mix takes only its Sprites,
// and puts them over the source's picture before the ladder.
type Scene struct {
	Boxes   []Box   `json:"boxes,omitzero"`
	Sprites []Place `json:"sprites,omitzero"`
	// Sounds are those of audio tracks; one that is not named is mixed as it is.
	Sounds []Sound `json:"sounds,omitzero"`
	// FadeMillis is how long the change from the scene before takes: boxes that are in
	// both glide, others fade in or out.
	FadeMillis int64 `json:"fade_ms,omitempty"`
}

// Box is where a track is shown.
type Box struct {
	// Track is a video track; while there is none of that name, or no picture of it,
	// the background is seen.
	Track media.TrackID `json:"track"`
	// X, Y, Width and Height are parts of the canvas, from 0 to 1.
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	// Z orders boxes and sprites; what is higher is nearer.
	Z int `json:"z,omitempty"`
	// Crop fills the box and cuts off what is over; else the whole picture is fitted in
	// between bars of the background.
	Crop bool `json:"crop,omitempty"`
	// Border is the width of a border within the box, in parts of the canvas's height,
	// and BorderColor its colour, as RGB takes it.
	Border      float64 `json:"border,omitempty"`
	BorderColor string  `json:"border_color,omitempty"`
	// Opacity is from 0, not to be seen, to 1.
	Opacity float64 `json:"opacity"`
}

// Place is where a Sprite is shown.
type Place struct {
	Sprite uint16 `json:"sprite"`
	// X, Y and Width are parts of the canvas, from 0 to 1. The height follows the
	// sprite's shape.
	X     float64 `json:"x"`
	Y     float64 `json:"y"`
	Width float64 `json:"width"`
	// Z and Opacity are as those of Box.
	Z       int     `json:"z,omitempty"`
	Opacity float64 `json:"opacity"`
}

// Sound is how an audio track is mixed.
type Sound struct {
	Track media.TrackID `json:"track"`
	// Gain is a factor, from 0 to 8.
	Gain float64 `json:"gain"`
	Mute bool    `json:"mute,omitempty"`
}

// Sprite is a small picture that scenes can show. It takes the place of the one of the
// same ID; one without a size removes that. There are at most MaxSprites at a time.
type Sprite struct {
	ID            uint16
	Width, Height int
	// Pixels are rows of red, green, blue and opacity, not premultiplied. They must not
	// be changed any more.
	Pixels []byte
}

// Levels says ten times a second how loud the audio tracks that a Mix is given are: the
// RMS of the last 100 ms, before gain, in dB below full scale. Silence, and nothing at
// all, is Silent.
type Levels struct {
	Of map[media.TrackID]float64 `json:"of"`
	// Clipped are the shares of their samples that are cut off at full scale, of tracks
	// that have any.
	Clipped map[media.TrackID]float64 `json:"clipped,omitempty"`
}

// Silent is the level of silence.
const Silent = -100

// The most of anything that there may be in a mix.
const (
	MaxSprites   = 64
	maxSide      = 4096 // of a sprite, in pixels
	maxPlaces    = 256
	maxGain      = 8
	maxFade      = 10_000 // ms
	maxLatency   = 10_000 // ms
	spriteHeader = 3 * 2
)

func (m *Mix) check() error {
	switch {
	case m.Width == 0, m.Height == 0, bad(m.Width), bad(m.Height), !(m.FPS >= 1 && m.FPS <= 240):
		return fmt.Errorf("a canvas of %dx%d and %g frames/s", m.Width, m.Height, m.FPS)
	case m.LatencyMillis < 0, m.LatencyMillis > maxLatency:
		return fmt.Errorf("a latency of %d ms", m.LatencyMillis)
	}
	_, err := RGB(m.Background)
	return err
}

// check says what of a scene cannot be.
func (s *Scene) check() error {
	if len(s.Boxes) > maxTracks || len(s.Sprites) > maxPlaces || len(s.Sounds) > maxTracks {
		return fmt.Errorf("a scene of %d boxes, %d sprites and %d sounds", len(s.Boxes), len(s.Sprites), len(s.Sounds))
	}
	if s.FadeMillis < 0 || s.FadeMillis > maxFade {
		return fmt.Errorf("a fade of %d ms", s.FadeMillis)
	}
	for _, b := range s.Boxes {
		if b.Track == "" || !parts(b.X, b.Y, b.Width, b.Height, b.Border, b.Opacity) {
			return fmt.Errorf("the box of track %.20q cannot be so", b.Track)
		}
		if _, err := RGB(b.BorderColor); err != nil {
			return err
		}
	}
	for _, p := range s.Sprites {
		if !parts(p.X, p.Y, p.Width, p.Opacity) {
			return fmt.Errorf("sprite %d cannot be placed so", p.Sprite)
		}
	}
	for _, a := range s.Sounds {
		if a.Track == "" || !(a.Gain >= 0 && a.Gain <= maxGain) {
			return fmt.Errorf("a gain of %g for track %.20q", a.Gain, a.Track)
		}
	}
	return nil
}

// parts says whether all are parts of something.
func parts(of ...float64) bool {
	for _, v := range of {
		if !(v >= 0 && v <= 1) {
			return false
		}
	}
	return true
}

func (s *Sprite) check() error {
	switch {
	case s.Width < 0, s.Height < 0, s.Width > maxSide, s.Height > maxSide,
		(s.Width == 0) != (s.Height == 0), len(s.Pixels) != 4*s.Width*s.Height:
		return fmt.Errorf("sprite %d of %dx%d pixels has %d bytes", s.ID, s.Width, s.Height, len(s.Pixels))
	}
	return nil
}

func (l *Levels) check() error {
	if n := max(len(l.Of), len(l.Clipped)); n > maxTracks {
		return fmt.Errorf("levels of %d tracks", n)
	}
	return nil
}
