package bitstream

import (
	"fmt"
	"slices"

	"weir/pipeline/media"
)

// aacRates are the sampling rates by index (ISO/IEC 14496-3 table 1.18).
func aacRates() []int {
	return []int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
}

// Audio object types (ISO/IEC 14496-3 table 1.17).
const (
	aacLC  = 2
	aacSBR = 5
	aacPS  = 29
)

// audioConfig is what an AudioSpecificConfig says.
type audioConfig struct {
	object   int // 2, 5 or 29: what CODECS names
	rate     int // of the core coder
	layout   int // channelConfiguration
	channels int
	samples  int // of a frame of the core coder
}

// parseAAC reads an AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1) of
// AAC-LC, with SBR and PS or without.
func parseAAC(config []byte, l Limits) (*Params, error) {
	const longest = 512 // with a program config element and comment
	if len(config) > longest {
		return nil, malformed("AAC configuration of %d bytes", len(config))
	}
	c, err := readAudioConfig(config)
	if err != nil {
		return nil, err
	}
	if err := l.audio(c.channels, c.rate); err != nil {
		return nil, err
	}
	return &Params{
		Codec: media.CodecAAC, Config: slices.Clone(config), limits: l,
		Channels: c.channels, Rate: media.Rate(c.rate), FrameSamples: c.samples,
		name: fmt.Sprintf("mp4a.40.%d", c.object),
	}, nil
}

func readAudioConfig(config []byte) (audioConfig, error) {
	r := &bitReader{buf: config}
	c := audioConfig{object: aacObject(r), rate: aacRate(r), layout: int(r.bits(4))}
	core := c.object
	if core == aacSBR || core == aacPS {
		aacRate(r) // of what is heard
		core = aacObject(r)
	}
	if !r.short && core != aacLC {
		return c, unsupported("the audio is of MPEG-4 object type %d: choose AAC-LC in the encoder", core)
	}
	c.samples = 1024
	if r.flag() { // frameLengthFlag
		c.samples = 960
	}
	if r.flag() { // dependsOnCoreCoder
		r.bits(14)
	}
	if r.flag() && !r.short { // extensionFlag
		return c, unsupported("the AAC configuration has an extension that is not supported: choose AAC-LC in the encoder")
	}
	switch {
	case c.layout == 0:
		c.channels = countChannels(r)
	case c.layout == 7:
		c.channels = 8
	case c.layout < 7:
		c.channels = c.layout
	}
	if r.short || c.rate == 0 || c.channels == 0 {
		return c, malformed("AAC configuration: cut off or with reserved values")
	}
	return c, nil
}

func aacObject(r *bitReader) int {
	if o := int(r.bits(5)); o != 31 {
		return o
	}
	return 32 + int(r.bits(6))
}

func aacRate(r *bitReader) int {
	i := int(r.bits(4))
	if i == 15 {
		return int(r.bits(24))
	}
	if rates := aacRates(); i < len(rates) {
		return rates[i]
	}
	return 0
}

// countChannels reads a program_config_element up to its channel elements
// (ISO/IEC 14496-3 table 4.2).
func countChannels(r *bitReader) int {
	r.bits(4 + 2 + 4) // tag, profile, rate
	front, side, back := int(r.bits(4)), int(r.bits(4)), int(r.bits(4))
	n := int(r.bits(2)) // LFE, one channel each
	r.bits(3 + 4)       // data and coupling elements carry none
	for range 2 {       // mono_mixdown, stereo_mixdown
		if r.flag() {
			r.bits(4)
		}
	}
	if r.flag() { // matrix_mixdown_idx
		r.bits(3)
	}
	for range front + side + back {
		n += 1 + int(r.bit()) // is_cpe
		r.bits(4)
	}
	return n
}

// aacSamples cannot know of 960; see Params.FrameSamples.
func aacSamples([]byte) (int, error) { return 1024, nil }

// AudioSpecificConfig is the configuration of AAC-LC with that sampling rate in
// Hz and 1 to 8 channels (ISO/IEC 14496-3 section 1.6.2.1).
func AudioSpecificConfig(rate, channels int) ([]byte, error) {
	layout := channels
	if channels == 8 {
		layout = 7
	} else if channels < 1 || channels > 6 {
		return nil, unsupported("AAC with %d channels has no standard layout", channels)
	}
	if i := slices.Index(aacRates(), rate); i >= 0 {
		v := uint16(aacLC)<<11 | uint16(i)<<7 | uint16(layout)<<3
		return []byte{byte(v >> 8), byte(v)}, nil
	}
	if rate < 1 || rate >= 1<<24 {
		return nil, malformed("sampling rate %d", rate)
	}
	v := uint64(aacLC)<<35 | 15<<31 | uint64(rate)<<7 | uint64(layout)<<3
	return []byte{byte(v >> 32), byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}, nil
}
