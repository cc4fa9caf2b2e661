package bitstream

import (
	"errors"
	"fmt"
	"math"
)

// Bounds that no configuration raises: what is beyond them is damage or attack.
const (
	// MaxUnit is the most bytes that one access unit may have.
	MaxUnit = 8 << 20
	// MaxNALs is the most NAL units or OBUs that one access unit may have. A
	// 4096 pixel high picture with a slice for each row of macroblocks has 256.
	MaxNALs = 1024
	// MaxConfig is the most bytes that a decoder configuration may have.
	MaxConfig = 64 << 10

	maxSet  = 4 << 10 // bytes of one parameter set
	maxSets = 64      // parameter sets of one kind in a configuration
)

// Limits bound what a publisher may declare. A zero field stands for the value
// of [DefaultLimits].
type Limits struct {
	// MaxWidth and MaxHeight bound the coded picture, before cropping, in pixels.
	MaxWidth, MaxHeight int
	// MaxFPS bounds a declared constant frame rate, in frames a second.
	MaxFPS float64
	// MaxChannels bounds the channels of an audio track.
	MaxChannels int
	// MaxSampleRate bounds the sampling rate of an audio track, in Hz.
	MaxSampleRate int
}

// DefaultLimits are the limits of a publisher that nobody configured.
func DefaultLimits() Limits {
	return Limits{MaxWidth: 4096, MaxHeight: 4096, MaxFPS: 120, MaxChannels: 8, MaxSampleRate: 96_000}
}

// unlimited is for configurations that have been accepted before.
func unlimited() Limits {
	return Limits{
		MaxWidth: math.MaxInt32, MaxHeight: math.MaxInt32, MaxFPS: math.Inf(1),
		MaxChannels: math.MaxInt32, MaxSampleRate: math.MaxInt32,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	if l.MaxWidth == 0 {
		l.MaxWidth = d.MaxWidth
	}
	if l.MaxHeight == 0 {
		l.MaxHeight = d.MaxHeight
	}
	if l.MaxFPS == 0 {
		l.MaxFPS = d.MaxFPS
	}
	if l.MaxChannels == 0 {
		l.MaxChannels = d.MaxChannels
	}
	if l.MaxSampleRate == 0 {
		l.MaxSampleRate = d.MaxSampleRate
	}
	return l
}

// ErrMalformed is matched (errors.Is) by every error about bytes that break their
// own format: the unit is lost, the next one may be fine.
var ErrMalformed = errors.New("malformed")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// LimitError says that a publisher declared more than the limits allow. Its text
// tells the publisher what to change.
type LimitError struct {
	// What was declared, what is allowed and what to do, as three half sentences.
	What, Limit, Advice string
}

// Error is one sentence for the publisher.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%s; the limit is %s: %s", e.What, e.Limit, e.Advice)
}

// UnsupportedError says that something is well formed but not understood here.
// Its text tells the publisher what to change.
type UnsupportedError struct{ What string }

// Error is one sentence for the publisher.
func (e *UnsupportedError) Error() string { return e.What }

func unsupported(format string, args ...any) error {
	return &UnsupportedError{What: fmt.Sprintf(format, args...)}
}

func (l Limits) picture(width, height uint64) error {
	if width == 0 || height == 0 {
		return malformed("picture size %d×%d", width, height)
	}
	if width > uint64(l.MaxWidth) || height > uint64(l.MaxHeight) {
		return &LimitError{
			What:   fmt.Sprintf("the picture is %d×%d", width, height),
			Limit:  fmt.Sprintf("%d×%d", l.MaxWidth, l.MaxHeight),
			Advice: "lower the output resolution in the encoder",
		}
	}
	return nil
}

func (l Limits) frameRate(fps float64) error {
	if fps > l.MaxFPS {
		return &LimitError{
			What:   fmt.Sprintf("the video declares %.4g frames a second", fps),
			Limit:  fmt.Sprintf("%.4g", l.MaxFPS),
			Advice: "lower the frame rate in the encoder",
		}
	}
	return nil
}

func (l Limits) audio(channels, rate int) error {
	if channels < 1 || rate < 1 {
		return malformed("audio format: %d channels at %d Hz", channels, rate)
	}
	if channels > l.MaxChannels {
		return &LimitError{
			What:   fmt.Sprintf("the audio has %d channels", channels),
			Limit:  fmt.Sprintf("%d", l.MaxChannels),
			Advice: "choose stereo in the encoder",
		}
	}
	if rate > l.MaxSampleRate {
		return &LimitError{
			What:   fmt.Sprintf("the audio is sampled at %d Hz", rate),
			Limit:  fmt.Sprintf("%d Hz", l.MaxSampleRate),
			Advice: "choose 48 kHz in the encoder",
		}
	}
	return nil
}

// hintFPS is a frame rate that is declared but not promised: kept if it can be
// true, else unknown. Encoders of variable rate write their clock there.
func (l Limits) hintFPS(fps float64) float64 {
	if !(fps > 0 && fps <= l.MaxFPS) {
		return 0
	}
	return fps
}
