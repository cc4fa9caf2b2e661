package hls

import (
	"strconv"
	"time"
)

// part is a partial segment: one fragment. It is immutable, but for when its bytes
// are made.
type part struct {
	// number counts the parts of a rendition, through all segments of a run.
	number uint64
	*piece
	duration    time.Duration
	independent bool // starts with a key unit
	// gap says that nothing was made for the time that it stands for.
	gap bool
}

// section is an initialisation section. It is immutable.
type section struct {
	name string
	*piece
}

// segment is a record of a segment, under way or complete. It is immutable: what
// changes is which record a snapshot holds.
type segment struct {
	msn uint64
	// name is the last part of its URL; token is that of the run it belongs to.
	name, token string
	// start is the wall clock of its first unit's presentation.
	start    time.Time
	duration time.Duration
	bytes    int64
	// held is how much memory it takes at most, in bytes, whatever has been asked for.
	held  int64
	units int
	// init is nil for MPEG-TS.
	init *section
	// parts are nil once the segment's bytes are on disk only.
	parts []*part
	// discontinuity says that a new timeline starts here, the cc-th one.
	discontinuity bool
	cc            uint64
	independent   bool
	// gap says that there are no bytes, and why.
	gap string
}

// rate is the segment's bit rate in bit/s; 0 for one that says nothing.
func (s *segment) rate() int64 {
	if s.gap != "" || s.duration < 100*time.Millisecond {
		return 0
	}
	return int64(float64(s.bytes) * 8 / s.duration.Seconds())
}

// extensions of file names, by container.
const (
	initExt  = ".mp4"
	chunkExt = ".m4s"
	tsExt    = ".ts"
)

// namer makes the names of one rendition's resources.
type namer struct{ rendition, token, ext string }

// of is the namer of the run that a segment belongs to.
func (n namer) of(s *segment) namer {
	n.token = s.token
	return n
}

func (n namer) segment(msn uint64) string {
	return n.rendition + "-" + n.token + "-" + strconv.FormatUint(msn, 10) + n.ext
}

func (n namer) part(number uint64) string {
	return n.rendition + "-" + n.token + "-p" + strconv.FormatUint(number, 10) + n.ext
}

func (n namer) init(cc uint64) string {
	return n.rendition + "-" + n.token + "-i" + strconv.FormatUint(cc, 10) + initExt
}
