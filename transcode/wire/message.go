package wire

import (
	"log/slog"

	"weir/pipeline/media"
)

// Version is the version of the protocol. It changes with everything that one side
// says and the other would not understand, the numbers of media.Flags included.
const Version = 4

// Type is the type of a frame.
type Type uint8

// The types of frames.
const (
	TypeHello Type = iota + 1
	TypeJob
	TypeTracks
	TypeUnit
	TypeKeyframe
	TypeControl
	TypeLog
	TypeStats
	TypeEnd
	TypeScene
	TypeSprite
	TypeLevels
)

// The most bytes that a frame may have behind its length.
const (
	// MaxFrame is the bound of units and sprites.
	MaxFrame = 16 << 20
	// maxText is the bound of what is JSON.
	maxText = 1 << 20
)

// limit is the most bytes that a frame of type t may have, its type included; 0 says
// that there is no such type.
func (t Type) limit() int {
	switch t {
	case TypeHello:
		return 1 + helloSize
	case TypeKeyframe:
		return 1 + keyframeSize
	case TypeUnit, TypeSprite:
		return MaxFrame
	case TypeJob, TypeTracks, TypeControl, TypeLog, TypeStats, TypeEnd, TypeScene, TypeLevels:
		return maxText
	default:
		return 0
	}
}

// Message is what a frame carries: Hello, Job, Tracks, Unit, Keyframe, Control, Log,
// Stats, End, Scene, Sprite or Levels.
type Message interface{ message() }

// Hello is the first message of both sides.
type Hello struct{ Version uint16 }

// Tracks describes the tracks of the units that follow. All are of media.FormAccess.
type Tracks struct{ *media.TrackSet }

// Unit is an access unit. Its Track is a member of the Tracks in force, and is on the
// wire only as its index.
type Unit struct{ *media.Unit }

// Preroll marks, beside the media.Flags, a unit that is only there to be referred to:
// the worker decodes it and makes nothing of it. The server sends such units to a
// worker that takes over from one that fell, or starts late.
const Preroll media.Flags = 1 << 7

// Keyframe asks the other side for a key unit of one layer of what it sends. Track is
// an index into the Tracks that the other side sent last.
type Keyframe struct {
	Track uint16
	Layer int8
}

// Control changes a layer that the worker makes, from the next picture on.
type Control struct {
	Track media.TrackID `json:"track"`
	Layer int8          `json:"layer"`
	// Bitrate is in bit/s; 0 leaves it as it is.
	Bitrate int64 `json:"bitrate,omitempty"`
	// FPS is the most frames a second; 0 leaves it as it is.
	FPS float64 `json:"fps,omitempty"`
	// Paused stops or resumes the layer, which resumes with a key unit; nil leaves it
	// as it is.
	Paused *bool `json:"paused,omitempty"`
}

// Log is a line for the server's log.
type Log struct {
	Level   slog.Level        `json:"level"`
	Message string            `json:"msg"`
	Attrs   map[string]string `json:"attrs,omitempty"`
}

// Stats says what the worker has done since it started. It is sent once a second.
type Stats struct {
	CPUMillis int64 `json:"cpu_ms"` // user and system time
	RSS       int64 `json:"rss"`    // resident memory in bytes
	// FramesIn are decoded and FramesOut encoded pictures and frames of sound, of all
	// tracks and layers. Dropped are pictures that were decoded and left out since
	// there was no time for them.
	FramesIn  uint64 `json:"frames_in"`
	FramesOut uint64 `json:"frames_out"`
	Dropped   uint64 `json:"dropped"`
	// LeftOut is in words what is not made at present since there is no time for it;
	// "" is nothing. It begins with the top layer, goes on with pictures of the others,
	// and never is sound.
	LeftOut string `json:"left_out,omitempty"`
}

// End is the last message of a side. From the server it says that no more units come.
// From the worker it says that all it had to say is said; or, with an Error, that it
// cannot do what it is asked, in words for the user: another try would end the same.
type End struct {
	Error string `json:"error,omitempty"`
}

func (Hello) message()    {}
func (Job) message()      {}
func (Tracks) message()   {}
func (Unit) message()     {}
func (Keyframe) message() {}
func (Control) message()  {}
func (Log) message()      {}
func (Stats) message()    {}
func (End) message()      {}
func (Scene) message()    {}
func (Sprite) message()   {}
func (Levels) message()   {}
