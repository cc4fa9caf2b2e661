package flv

import (
	"fmt"

	"weir/pipeline/media"
)

// fourCC is a codec's name in Enhanced RTMP.
type fourCC uint32

const (
	fourAVC  fourCC = 'a'<<24 | 'v'<<16 | 'c'<<8 | '1'
	fourHEVC fourCC = 'h'<<24 | 'v'<<16 | 'c'<<8 | '1'
	fourVVC  fourCC = 'v'<<24 | 'v'<<16 | 'c'<<8 | '1'
	fourAV1  fourCC = 'a'<<24 | 'v'<<16 | '0'<<8 | '1'
	fourAAC  fourCC = 'm'<<24 | 'p'<<16 | '4'<<8 | 'a'
	fourOpus fourCC = 'O'<<24 | 'p'<<16 | 'u'<<8 | 's'
	fourMP3  fourCC = '.'<<24 | 'm'<<16 | 'p'<<8 | '3'
)

// String is the four characters, quoted.
func (f fourCC) String() string {
	return fmt.Sprintf("%q", []byte{byte(f >> 24), byte(f >> 16), byte(f >> 8), byte(f)})
}

// codec is the codec of that name, and whether this package takes it.
func (f fourCC) codec() (media.Codec, bool) {
	switch f {
	case fourAVC:
		return media.CodecH264, true
	case fourHEVC:
		return media.CodecH265, true
	case fourAV1:
		return media.CodecAV1, true
	case fourAAC:
		return media.CodecAAC, true
	case fourOpus:
		return media.CodecOpus, true
	case fourMP3:
		return media.CodecMP3, true
	default:
		return 0, false
	}
}

// hasCTS says whether coded frames of f start with a composition time.
func (f fourCC) hasCTS() bool { return f == fourAVC || f == fourHEVC || f == fourVVC }

// Legacy codec numbers.
const (
	legacyAVC  = 7
	legacyHEVC = 12 // not of Adobe, but widespread in China

	legacyMP3      = 2
	legacyEnhanced = 9
	legacyAAC      = 10
)

func legacyVideo(id byte) (media.Codec, string) {
	switch id {
	case legacyAVC:
		return media.CodecH264, ""
	case legacyHEVC:
		return media.CodecH265, ""
	case 2:
		return 0, "Sorenson H.263"
	case 3, 6:
		return 0, "Screen Video"
	case 4, 5:
		return 0, "On2 VP6"
	default:
		return 0, fmt.Sprintf("of FLV codec %d", id)
	}
}

func legacyAudio(format byte) (media.Codec, string) {
	switch format {
	case legacyAAC:
		return media.CodecAAC, ""
	case legacyMP3:
		return media.CodecMP3, ""
	case 0, 3:
		return 0, "PCM"
	case 1:
		return 0, "ADPCM"
	case 4, 5, 6:
		return 0, "Nellymoser"
	case 7, 8:
		return 0, "G.711"
	case 11:
		return 0, "Speex"
	default:
		return 0, fmt.Sprintf("of FLV sound format %d", format)
	}
}

// form is how a codec is written.
type form struct {
	legacy byte   // legacy number, if it is written so
	four   fourCC // else its name
	bare   bool   // no sequence header and no packet type
}

func formOf(c media.Codec) (form, error) {
	switch c {
	case media.CodecH264:
		return form{legacy: legacyAVC}, nil
	case media.CodecH265:
		return form{four: fourHEVC}, nil
	case media.CodecAV1:
		return form{four: fourAV1}, nil
	case media.CodecAAC:
		return form{legacy: legacyAAC}, nil
	case media.CodecOpus:
		return form{four: fourOpus}, nil
	case media.CodecMP3:
		return form{legacy: legacyMP3, bare: true}, nil
	default:
		return form{}, fmt.Errorf("flv: %v cannot be carried", c)
	}
}
