package lint

import (
	"time"

	"weir/pipeline/media"
)

// Facts are what is known of a stream. A zero value is not known.
type Facts struct {
	Video *Video
	Audio *Audio
	// Silent says that no sound comes, which is known.
	Silent bool
	// Jumps is how often timestamps have leapt or begun anew of late.
	Jumps int
	// Offset is how far the sound's timestamps are ahead of those of the picture that it
	// arrives with.
	Offset time.Duration
}

// Video are facts about the picture.
type Video struct {
	Codec         media.Codec
	Width, Height int
	// Profile, Level, Interlaced, PixelAspect, HDR and Constant are as
	// bitstream.Traits has them.
	Profile     string
	Level       int
	Interlaced  bool
	PixelAspect float64
	HDR         bool
	Constant    bool
	// FPS and Bitrate, in bit/s, are means. FPSLeast and FPSMost are of single seconds,
	// BitrateMost of the busiest four.
	FPS, FPSLeast, FPSMost float64
	Bitrate, BitrateMost   int64
	// KeyframeLeast and KeyframeMost are distances of key frames.
	KeyframeLeast, KeyframeMost time.Duration
	// BFrames says that pictures are shown in another order than they are sent in.
	BFrames bool
	// OpenGOP says that pictures refer to what is before the key frame before them.
	OpenGOP bool
}

// Audio are facts about the sound.
type Audio struct {
	Codec   media.Codec
	Profile string // as bitstream.Traits has it
	// Rate is in Hz, Bitrate in bit/s.
	Rate     int
	Channels int
	Bitrate  int64
	// Clipping is the share of samples that are cut off at full scale. Only those know it
	// who decode the sound.
	Clipping float64
}
