package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"weir/pipeline/media"
)

// Reader reads messages. It is not for concurrent use.
type Reader struct {
	in     *bufio.Reader
	greet  bool // Hello was read
	tracks *media.TrackSet
}

// readAhead is how much is read at once, if there is as much.
const readAhead = 64 << 10

// NewReader makes a Reader.
func NewReader(r io.Reader) *Reader { return &Reader{in: bufio.NewReaderSize(r, readAhead)} }

// Tracks is the set that was read last, or nil.
func (r *Reader) Tracks() *media.TrackSet { return r.tracks }

// Read is the next message. What it points to belongs to the caller. It returns io.EOF
// where the other side closed the connection between two messages; after any error
// there is nothing more to be read.
func (r *Reader) Read() (Message, error) {
	var head [5]byte
	if _, err := io.ReadFull(r.in, head[:]); err != nil {
		return nil, err //nolint:wrapcheck // io.EOF, as it is
	}
	n, t := binary.BigEndian.Uint32(head[:4]), Type(head[4])
	switch limit := t.limit(); {
	case limit == 0:
		return nil, fmt.Errorf("there is no message of type %d", t)
	case n < 1 || uint64(n) > uint64(limit):
		return nil, fmt.Errorf("a message of type %d has %d bytes; it may have %d", t, n, limit)
	case !r.greet && t != TypeHello:
		return nil, fmt.Errorf("a message of type %d comes before any greeting", t)
	}
	body := make([]byte, n-1)
	if _, err := io.ReadFull(r.in, body); err != nil {
		return nil, cutOff(err)
	}
	return r.decode(t, body)
}

// cutOff is err, of a read in the middle of a message.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (r *Reader) decode(t Type, body []byte) (Message, error) {
	switch t {
	case TypeHello:
		return r.hello(body)
	case TypeJob:
		j, err := text[Job](body)
		if err == nil {
			err = j.check()
		}
		return j, err
	case TypeTracks:
		s, err := decodeTracks(body)
		if err != nil {
			return nil, err
		}
		r.tracks = s
		return Tracks{s}, nil
	case TypeUnit:
		return r.unit(body)
	case TypeKeyframe:
		if len(body) != keyframeSize {
			return nil, errors.New("a request for a key frame is cut off")
		}
		return Keyframe{Track: binary.BigEndian.Uint16(body), Layer: int8(body[2])}, nil
	case TypeControl:
		return text[Control](body)
	case TypeLog:
		return text[Log](body)
	case TypeStats:
		return text[Stats](body)
	case TypeScene:
		s, err := text[Scene](body)
		if err == nil {
			err = s.check()
		}
		return s, err
	case TypeSprite:
		return sprite(body)
	case TypeLevels:
		l, err := text[Levels](body)
		if err == nil {
			err = l.check()
		}
		return l, err
	default:
		return text[End](body)
	}
}

// text reads a message that is JSON.
func text[M Message](body []byte) (m M, err error) {
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("a %T: %w", m, err)
	}
	return m, nil
}

const (
	magic        = "weir"
	helloSize    = len(magic) + 2
	keyframeSize = 3
)

func (r *Reader) hello(body []byte) (Message, error) {
	if len(body) != helloSize || string(body[:len(magic)]) != magic {
		return nil, errors.New("the other side does not speak this protocol")
	}
	h := Hello{Version: binary.BigEndian.Uint16(body[len(magic):])}
	if h.Version != Version {
		return nil, fmt.Errorf("the other side speaks version %d of the protocol and this one version %d: both must be of one build", h.Version, Version)
	}
	r.greet = true
	return h, nil
}

// unitSize is that of a unit without pieces.
const unitSize = 2 + 1 + 1 + 4*8 + 2

var errUnitCut = errors.New("a unit is cut off")

// unit takes a unit apart. Its pieces stay where they are.
func (r *Reader) unit(b []byte) (Message, error) {
	if len(b) < unitSize {
		return nil, errUnitCut
	}
	track, layer, flags := int(binary.BigEndian.Uint16(b)), int8(b[2]), media.Flags(b[3])
	if r.tracks == nil || track >= len(r.tracks.Tracks) {
		return nil, fmt.Errorf("a unit is of track %d, which there is not", track)
	}
	u := &media.Unit{
		Track: r.tracks.Tracks[track], Layer: layer, Flags: flags,
		PTS: media.Ticks(signed(b[4:])), DTS: media.Ticks(signed(b[12:])),
		Capture: moment(signed(b[20:])), Arrived: moment(signed(b[28:])),
	}
	if layer < 0 || int(layer) >= max(1, len(u.Track.Layers)) {
		return nil, fmt.Errorf("a unit is of layer %d of track %s, which there is not", layer, u.Track.ID)
	}
	if u.PTS < u.DTS {
		return nil, fmt.Errorf("a unit of track %s is shown before it is decoded", u.Track.ID)
	}
	n, rest := int(binary.BigEndian.Uint16(b[36:])), b[unitSize:]
	if n == 0 || n*(4+1) > len(rest) {
		return nil, errUnitCut
	}
	u.Access = make([][]byte, n)
	for i := range u.Access {
		if len(rest) < 4 {
			return nil, errUnitCut
		}
		size := uint64(binary.BigEndian.Uint32(rest))
		if rest = rest[4:]; size == 0 || size > uint64(len(rest)) {
			return nil, errUnitCut
		}
		u.Access[i], rest = rest[:size:size], rest[size:]
	}
	if len(rest) > 0 {
		return nil, errors.New("a unit has bytes left over")
	}
	return Unit{u}, nil
}

// sprite takes a sprite apart. Its pixels stay where they are.
func sprite(b []byte) (Message, error) {
	if len(b) < spriteHeader {
		return nil, errors.New("a sprite is cut off")
	}
	s := Sprite{
		ID:    binary.BigEndian.Uint16(b),
		Width: int(binary.BigEndian.Uint16(b[2:])), Height: int(binary.BigEndian.Uint16(b[4:])),
	}
	if len(b) > spriteHeader {
		s.Pixels = b[spriteHeader:]
	}
	return s, s.check()
}

func signed(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}
