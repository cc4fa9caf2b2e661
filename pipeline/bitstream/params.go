package bitstream

import (
	"weir/pipeline/media"
)

// Params is a checked decoder configuration. It is immutable.
type Params struct {
	Codec media.Codec
	// Config is the configuration in its canonical form: for H264 and H265 with
	// 4 byte NAL unit lengths and each parameter set once. It is what
	// media.Track.Config holds. Nil for a codec that has none.
	Config []byte
	// Width and Height are in pixels after cropping; 0 for audio, and for a
	// configuration of VP9, which does not have them.
	Width, Height int
	// FPS is the declared frame rate in frames a second; 0 if unknown.
	FPS float64
	// Channels is the number of audio channels; 0 for video.
	Channels int
	// Rate is the clock of the track: 90 kHz for video, 48 kHz for Opus, else the
	// sampling rate. For AAC with SBR it is the rate of the core coder, which is
	// half of what is heard, so that a frame stays FrameSamples ticks long.
	Rate media.Rate
	// FrameSamples is the number of samples of every frame, in ticks of Rate; 0
	// if frames differ (Opus) and for video.
	FrameSamples int

	name       string // RFC 6381
	sets       paramSets
	lengthSize int // of the payloads that came with the configuration
	maxTID     byte
	limits     Limits
}

// Parse checks a decoder configuration as media.Track.Config describes it, and
// as MP4, FLV and RTMP carry it, against limits. Errors are [*LimitError],
// [*UnsupportedError] or match [ErrMalformed]. It does not keep config.
func Parse(codec media.Codec, config []byte, limits Limits) (*Params, error) {
	if len(config) > MaxConfig {
		return nil, malformed("%v configuration of %d bytes", codec, len(config))
	}
	s, err := schemeOf(codec)
	if err != nil {
		return nil, err
	}
	return s.parse(config, limits.withDefaults())
}

// FromSets makes a configuration out of the parameter sets that a source sends
// in band: VPS, SPS and PPS in any order for H264 and H265, the sequence header
// OBU for AV1, a key frame for VP9, the first frame for MP3. It does not keep sets.
func FromSets(codec media.Codec, sets [][]byte, limits Limits) (*Params, error) {
	s, err := schemeOf(codec)
	if err != nil {
		return nil, err
	}
	if s.fromSets == nil {
		return nil, unsupported("%v has no parameter sets in band", codec)
	}
	return s.fromSets(sets, limits.withDefaults())
}

// ParameterSets is what a writer must put before a key unit where configurations
// are in band (MPEG-TS, RTP): VPS, SPS and PPS without start codes for H264 and
// H265, the sequence header OBU without size for AV1, nothing for others.
func ParameterSets(codec media.Codec, config []byte) ([][]byte, error) {
	p, err := Parse(codec, config, unlimited())
	if err != nil {
		return nil, err
	}
	return p.ParameterSets(), nil
}

// ParameterSets is as the function of that name. The bytes are not to be changed.
func (p *Params) ParameterSets() [][]byte { return p.sets.all() }

// CodecString is the parameter's name for a CODECS attribute (RFC 6381), such as
// avc1.64001F.
func (p *Params) CodecString() string { return p.name }

// CodecString is the name of a track's layer for a CODECS attribute (RFC 6381).
func CodecString(t *media.Track, layer int8) (string, error) {
	p, err := Parse(t.Codec, t.LayerConfig(layer), unlimited())
	if err != nil {
		return "", err
	}
	return p.name, nil
}

// Layer is the rendition that p describes, without a name.
func (p *Params) Layer() media.Layer {
	return media.Layer{Width: p.Width, Height: p.Height, FPS: p.FPS}
}

// Track is a new track of one layer in access unit form.
func (p *Params) Track(id media.TrackID) *media.Track {
	t := &media.Track{
		ID: id, Codec: p.Codec, Form: media.FormAccess, Rate: p.Rate,
		Channels: p.Channels, Config: p.Config,
	}
	if p.Codec.Kind() == media.KindVideo {
		t.Layers = []media.Layer{p.Layer()}
	}
	return t
}
