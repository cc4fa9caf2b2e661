package bitstream

import "weir/pipeline/media"

// scheme is what a codec can do. Which codec has which is said here and nowhere
// else.
type scheme struct {
	parse    func(config []byte, l Limits) (*Params, error)
	fromSets func(sets [][]byte, l Limits) (*Params, error)
	split    func(p *Params, payload []byte) (AU, error)
	normal   func(p *Params, units [][]byte) (AU, error)
	join     func(dst []byte, access [][]byte) []byte
	flags    func(access [][]byte) media.Flags
	samples  func(frame []byte) (int, error)
}

func schemeOf(c media.Codec) (scheme, error) {
	switch c {
	case media.CodecH264:
		return scheme{
			parse: parseAVC, fromSets: h264FromSets, split: splitLengthPrefixed,
			normal: normalNALs, join: appendAVCC, flags: h264Flags,
		}, nil
	case media.CodecH265:
		return scheme{
			parse: parseHVC, fromSets: h265FromSets, split: splitLengthPrefixed,
			normal: normalNALs, join: appendAVCC, flags: h265Flags,
		}, nil
	case media.CodecAV1:
		return scheme{
			parse: parseAV1C, fromSets: av1FromSets, split: splitTemporalUnit,
			normal: normalOBUs, join: appendOBUs, flags: av1Flags,
		}, nil
	case media.CodecVP9:
		return scheme{
			parse: parseVPCC, fromSets: vp9FromSets, split: splitFrame,
			normal: normalVP9, join: appendAudio, flags: vp9Flags,
		}, nil
	case media.CodecAAC:
		return audioScheme(parseAAC, aacSamples), nil
	case media.CodecOpus:
		return audioScheme(parseOpusHead, opusSamples), nil
	case media.CodecMP3:
		s := audioScheme(parseMP3, mp3Samples)
		s.fromSets = mp3FromSets
		return s, nil
	default:
		return scheme{}, unsupported("the codec %v is not supported here: choose H.264 and AAC in the encoder", c)
	}
}

func audioScheme(parse func([]byte, Limits) (*Params, error), samples func([]byte) (int, error)) scheme {
	return scheme{
		parse:   parse,
		split:   splitAudio,
		normal:  normalAudio,
		join:    appendAudio,
		flags:   func([][]byte) media.Flags { return media.Key | media.FrameEnd },
		samples: samples,
	}
}
