package media

import (
	"strings"
	"time"
)

// Item is what an edge carries: a [*Unit] or a [*TrackSet]. The set of
// implementations is closed.
type Item interface{ item() }

// Flags are facts about a [Unit] that a queue may need without knowing the codec.
type Flags uint8

// The flags of a Unit.
const (
	// Key marks a unit at which decoding of its track and layer can start. Every
	// audio unit is one.
	Key Flags = 1 << iota
	// FrameEnd marks the last packet of a picture. Set on every access unit.
	FrameEnd
	// Droppable marks a unit that no other unit refers to.
	Droppable
	// Gap marks the first unit after media was lost upstream: the one before it
	// is not the one that the sender sent before it.
	Gap
	// Discontinuity marks the first unit of a track after its source started
	// anew: the encoder's state, parameters and clock may be others. Timestamps
	// still rise.
	Discontinuity
)

// Has says whether all flags of g are set in f.
func (f Flags) Has(g Flags) bool { return f&g == g }

// String lists the flags that are set, joined by "|".
func (f Flags) String() string {
	var s []string
	for i, name := range []string{"key", "frame-end", "droppable", "gap", "discontinuity"} {
		if f&(1<<i) != 0 {
			s = append(s, name)
		}
	}
	return strings.Join(s, "|")
}

// RTP is one RTP packet, its header parsed (RFC 3550 section 5.1). Sequence and
// Timestamp are as the sender wrote them; Unit.PTS is the unwrapped time.
type RTP struct {
	PayloadType uint8
	Marker      bool
	Sequence    uint16
	Timestamp   uint32
	SSRC        uint32
	Payload     []byte
}

// Unit is one piece of one track and layer: an access unit or an RTP packet.
// It is immutable once sent.
type Unit struct {
	// Track is the track as it was when the unit was made; a member of the
	// TrackSet in force.
	Track *Track
	// Layer is an index into Track.Layers; 0 for audio.
	Layer int8
	// PTS and DTS are presentation and decoding time, in ticks of Track.Rate
	// since the instance's epoch, which all its sources share. Per track and layer
	// DTS strictly increases, and PTS >= DTS.
	PTS, DTS Ticks
	// Capture is the sender's wall clock when the unit was captured; zero if
	// unknown.
	Capture time.Time
	// Arrived is when the unit entered this node; for one that had to wait for others,
	// when its turn came.
	Arrived time.Time
	Flags   Flags

	// RTP is set for FormRTP, and only then.
	RTP *RTP
	// Access is set for FormAccess, and only then: for H264 and H265 the NAL
	// units without start codes or lengths, none of them empty, and neither
	// access unit delimiters nor parameter sets among them (those stand in
	// Track.LayerConfig, and only there); for AV1 the OBUs without size fields,
	// temporal delimiters left out; for VP8 and VP9 one frame; for audio one
	// coded frame.
	Access [][]byte
}

func (*Unit) item() {}

// Kind is the kind of the unit's track.
func (u *Unit) Kind() Kind { return u.Track.Kind() }

// EndsPicture says whether a picture is whole with this unit: an access unit of video, or the
// packet that is marked as its last (RFC 3550 section 5.1).
func (u *Unit) EndsPicture() bool {
	return u.Kind() == KindVideo && (u.RTP == nil || u.RTP.Marker)
}

// Size is the number of payload bytes that the unit holds.
func (u *Unit) Size() int {
	if u.RTP != nil {
		return len(u.RTP.Payload)
	}
	n := 0
	for _, b := range u.Access {
		n += len(b)
	}
	return n
}

// Time is the unit's decoding time since the instance's epoch.
func (u *Unit) Time() time.Duration { return u.Track.Rate.Duration(u.DTS) }
