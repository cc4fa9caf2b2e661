package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"time"

	"weir/pipeline/media"
)

// Writer writes messages. It is not for concurrent use.
type Writer struct {
	out     io.Writer
	tracks  *media.TrackSet
	heads   []byte      // what is written beside the pieces of units
	pending net.Buffers // what Flush will write, in order
	sent    net.Buffers // its array, for the next time
	size    int
}

// NewWriter makes a Writer. One to a socket writes all that is pending with one system
// call.
func NewWriter(w io.Writer) *Writer { return &Writer{out: w} }

// writeBehind is how many bytes wait for Flush at most.
const writeBehind = 256 << 10

// ErrTooLarge says that a message is larger than the other side would take. Nothing of
// it has been written, and the Writer goes on.
var ErrTooLarge = errors.New("the message is too large")

// Write puts a message behind those that are pending, and writes them once there are
// many. A unit or sprite must not be changed before the next Flush. An error that is not
// ErrTooLarge ends the connection.
func (w *Writer) Write(m Message) error {
	if err := w.put(m); err != nil {
		return err
	}
	if w.size >= writeBehind {
		return w.Flush()
	}
	return nil
}

// Flush writes what is pending.
func (w *Writer) Flush() error {
	if len(w.pending) == 0 {
		return nil
	}
	w.sent = w.pending // WriteTo moves the slice on, away from its array
	_, err := w.pending.WriteTo(w.out)
	clear(w.sent)
	w.pending, w.heads, w.size = w.sent[:0], w.heads[:0], 0
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func (w *Writer) put(m Message) error {
	switch m := m.(type) {
	case Hello:
		return w.frame(TypeHello, binary.BigEndian.AppendUint16([]byte(magic), m.Version))
	case Tracks:
		b, err := encodeTracks(m.TrackSet)
		if err != nil {
			return err
		}
		if err := w.frame(TypeTracks, b); err != nil {
			return err
		}
		w.tracks = m.TrackSet
		return nil
	case Unit:
		return w.unit(m.Unit)
	case Keyframe:
		return w.frame(TypeKeyframe, append(binary.BigEndian.AppendUint16(nil, m.Track), byte(m.Layer)))
	case Job:
		if err := m.check(); err != nil {
			return err
		}
		return w.text(TypeJob, m)
	case Control:
		return w.text(TypeControl, m)
	case Log:
		return w.text(TypeLog, m)
	case Stats:
		return w.text(TypeStats, m)
	case End:
		return w.text(TypeEnd, m)
	case Scene:
		if err := m.check(); err != nil {
			return err
		}
		return w.text(TypeScene, m)
	case Sprite:
		return w.sprite(m)
	case Levels:
		if err := m.check(); err != nil {
			return err
		}
		return w.text(TypeLevels, m)
	default:
		return fmt.Errorf("%T is no message", m)
	}
}

func (w *Writer) text(t Type, m Message) error {
	b, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("a %T: %w", m, err)
	}
	return w.frame(t, b)
}

// frame puts a frame with one body.
func (w *Writer) frame(t Type, body []byte) error {
	if 1+len(body) > t.limit() {
		return ErrTooLarge
	}
	from := w.open(t, len(body))
	w.heads = append(w.heads, body...)
	w.close(from)
	return nil
}

// open begins a run of bytes in heads with the head of a frame.
func (w *Writer) open(t Type, body int) (from int) {
	from = len(w.heads)
	w.heads = binary.BigEndian.AppendUint32(w.heads, uint32(1+body))
	w.heads = append(w.heads, byte(t))
	return from
}

// close makes the bytes in heads since from pending. Should heads move when it grows,
// what is pending stays where it was.
func (w *Writer) close(from int) {
	run := w.heads[from:len(w.heads):len(w.heads)]
	w.pending = append(w.pending, run)
	w.size += len(run)
}

func (w *Writer) unit(u *media.Unit) error {
	track := -1
	if w.tracks != nil {
		track = slices.Index(w.tracks.Tracks, u.Track)
	}
	switch {
	case track < 0:
		return fmt.Errorf("a unit of track %s, which was not announced", u.Track.ID)
	case len(u.Access) == 0 || len(u.Access) > math.MaxUint16:
		return ErrTooLarge
	}
	body := unitSize + 4*len(u.Access) + u.Size()
	if 1+body > MaxFrame {
		return ErrTooLarge
	}
	from := w.open(TypeUnit, body)
	b := binary.BigEndian.AppendUint16(w.heads, uint16(track))
	b = append(b, byte(u.Layer), byte(u.Flags))
	for _, v := range [...]int64{int64(u.PTS), int64(u.DTS), nanoseconds(u.Capture), nanoseconds(u.Arrived)} {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	w.heads = binary.BigEndian.AppendUint16(b, uint16(len(u.Access)))
	for _, piece := range u.Access {
		w.heads = binary.BigEndian.AppendUint32(w.heads, uint32(len(piece)))
		w.close(from)
		w.pending = append(w.pending, piece)
		w.size += len(piece)
		from = len(w.heads)
	}
	return nil
}

func (w *Writer) sprite(s Sprite) error {
	if err := s.check(); err != nil {
		return err
	}
	body := spriteHeader + len(s.Pixels)
	if 1+body > MaxFrame {
		return ErrTooLarge
	}
	from := w.open(TypeSprite, body)
	for _, v := range [...]uint16{s.ID, uint16(s.Width), uint16(s.Height)} {
		w.heads = binary.BigEndian.AppendUint16(w.heads, v)
	}
	w.close(from)
	if len(s.Pixels) > 0 {
		w.pending = append(w.pending, s.Pixels)
		w.size += len(s.Pixels)
	}
	return nil
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
