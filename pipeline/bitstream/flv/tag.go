package flv

import (
	"weir/pipeline/media"
)

// Type says what a tag carries. The numbers are those of FLV tags and of RTMP
// messages alike.
type Type uint8

// The types of tag.
const (
	Audio  Type = 8
	Video  Type = 9
	Script Type = 18
)

// String is the type's name.
func (t Type) String() string {
	switch t {
	case Audio:
		return "audio"
	case Video:
		return "video"
	case Script:
		return "script"
	default:
		return "unknown"
	}
}

// Tag is an FLV tag or an RTMP message.
type Tag struct {
	Type Type
	// Timestamp is in milliseconds, as on the wire: it wraps at 2^32. It is the
	// decoding time of what the tag carries.
	Timestamp uint32
	// Payload is all that follows the tag's or message's header.
	Payload []byte
}

// Track IDs that a Demuxer gives.
const (
	VideoID media.TrackID = "video"
	AudioID media.TrackID = "audio"
)

// Unit is one access unit with its times as on the wire.
type Unit struct {
	// Track is the track that the unit belongs to; nil if there is no unit.
	Track *media.Track
	// Layer is an index into Track.Layers. A Demuxer leaves it 0.
	Layer int8
	// DTS is the tag's timestamp in milliseconds, wrapping at 2^32.
	DTS uint32
	// CTS is what to add to DTS for the presentation time, in milliseconds. It
	// has 24 bits with sign, and is negative for some encoders.
	CTS int32
	// Nanos is what to add to the presentation time on top, 0 to 999,999 ns.
	Nanos uint32
	// Flags are as media.Unit.Flags.
	Flags media.Flags
	// Access is as media.Unit.Access.
	Access [][]byte
}

// Result is what a tag held: any of the fields may be set, none of them too.
type Result struct {
	// Track is set when the parameters of the track with its ID are new. It
	// counts from Unit on, which may be in the same Result.
	Track *media.Track
	// Unit is the coded unit, if Unit.Track is set.
	Unit Unit
	// Ended is the track that its sender declared to be over, or "".
	Ended media.TrackID
	// Metadata is set for an onMetaData message.
	Metadata *Metadata
}

// Unsupported says that tags of a track cannot be used. It is not the end of the
// session: the other track may be fine. A Demuxer returns it once for each What.
type Unsupported struct {
	Track media.TrackID
	// What is a sentence for the publisher.
	What string
}

// Error is What.
func (e *Unsupported) Error() string { return e.What }
