package media

import "slices"

// TrackID names a track within its [TrackSet], for as long as the instance
// lives: "video", "audio", "audio2". It is safe in a URL and in a file name.
type TrackID string

// Kind says which sense a track is for.
type Kind uint8

// The kinds of track.
const (
	KindVideo Kind = iota + 1
	KindAudio
)

// String is the kind's name as metrics and the API show it.
func (k Kind) String() string {
	switch k {
	case KindVideo:
		return "video"
	case KindAudio:
		return "audio"
	default:
		return "unknown"
	}
}

// Form says in which of two shapes a track's units are.
type Form uint8

// The two forms of media on an edge.
const (
	// FormAccess carries one access unit a Unit, in Unit.Access.
	FormAccess Form = iota + 1
	// FormRTP carries one RTP packet a Unit, in Unit.RTP.
	FormRTP
)

// String is the form's name as `weir graph` shows it.
func (f Form) String() string {
	switch f {
	case FormAccess:
		return "access"
	case FormRTP:
		return "rtp"
	default:
		return "unknown"
	}
}

// Codec is the coding of a track.
type Codec uint8

// The codecs that a pipeline carries.
const (
	CodecH264 Codec = iota + 1
	CodecH265
	CodecAV1
	CodecVP8
	CodecVP9
	CodecAAC
	CodecOpus
	CodecMP3
)

// Codecs lists every codec, in the order of their declaration.
func Codecs() []Codec {
	return []Codec{CodecH264, CodecH265, CodecAV1, CodecVP8, CodecVP9, CodecAAC, CodecOpus, CodecMP3}
}

// String is the codec's name as people see it, wherever they do.
func (c Codec) String() string {
	switch c {
	case CodecH264:
		return "H.264"
	case CodecH265:
		return "H.265"
	case CodecAV1:
		return "AV1"
	case CodecVP8:
		return "VP8"
	case CodecVP9:
		return "VP9"
	case CodecAAC:
		return "AAC"
	case CodecOpus:
		return "Opus"
	case CodecMP3:
		return "MP3"
	default:
		return "unknown"
	}
}

// Kind is the kind of track that c codes.
func (c Codec) Kind() Kind {
	switch c {
	case CodecH264, CodecH265, CodecAV1, CodecVP8, CodecVP9:
		return KindVideo
	case CodecAAC, CodecOpus, CodecMP3:
		return KindAudio
	default:
		return 0
	}
}

// Layer is one rendition of a video track: a rung of a ladder that a transcoder
// makes, or a simulcast layer that a publisher sends. The two are the same thing.
type Layer struct {
	// Name is unique within the track and safe in a URL; "" for the only layer.
	Name string
	// Width and Height are in pixels as shown (after cropping); 0 if unknown.
	Width, Height int
	// FPS is the declared frame rate in frames a second; 0 if unknown.
	FPS float64
	// Bitrate is the declared rate in bit/s; 0 if unknown.
	Bitrate int64
	// Config is the layer's own decoder configuration; nil where the layer has
	// the configuration of its Track.
	Config []byte
}

// Track describes one elementary stream, with all its layers. It is immutable:
// when parameters change, the source sends a new TrackSet with a new *Track of
// the same ID.
type Track struct {
	ID    TrackID
	Codec Codec
	Form  Form
	// Rate is the clock of the units' PTS and DTS.
	Rate Rate
	// Group is the participant or programme the track belongs to; tracks of one
	// group are in step with one another. Usually "".
	Group string
	// Language is a BCP 47 tag, or "".
	Language string
	// Layers has at least one entry for video and none for audio.
	Layers []Layer
	// Channels is the number of audio channels; 0 for video.
	Channels int
	// Config is the decoder configuration: for H264 an avcC box's content
	// (ISO/IEC 14496-15 section 5.3.3), for H265 hvcC (section 8.3.3), for AV1
	// av1C (AV1 in ISOBMFF section 2.3), for AAC an AudioSpecificConfig
	// (ISO/IEC 14496-3 section 1.6.2.1), for Opus an OpusHead packet (RFC 7845
	// section 5.1). Nil if the codec has none or it is in band only.
	Config []byte
}

// Kind is the kind of the track's codec.
func (t *Track) Kind() Kind { return t.Codec.Kind() }

// LayerConfig is the decoder configuration of layer i.
func (t *Track) LayerConfig(i int8) []byte {
	if int(i) < len(t.Layers) && i >= 0 && t.Layers[i].Config != nil {
		return t.Layers[i].Config
	}
	return t.Config
}

// TrackSet is an immutable snapshot of all tracks of an edge. Units that follow
// it belong to one of its tracks.
type TrackSet struct {
	// Version rises by at least one with every set that an output sends.
	Version uint64
	Tracks  []*Track
}

func (*TrackSet) item() {}

// Track is the track of that ID, or nil.
func (s *TrackSet) Track(id TrackID) *Track {
	if s == nil {
		return nil
	}
	if i := slices.IndexFunc(s.Tracks, func(t *Track) bool { return t.ID == id }); i >= 0 {
		return s.Tracks[i]
	}
	return nil
}

// HasVideo says whether the set has a video track, so that a reader knows
// whether a key unit is worth waiting for.
func (s *TrackSet) HasVideo() bool {
	return s != nil && slices.ContainsFunc(s.Tracks, func(t *Track) bool { return t.Kind() == KindVideo })
}
