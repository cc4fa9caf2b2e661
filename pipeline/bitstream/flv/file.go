package flv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"weir/pipeline/bitstream"
)

// maxTag is the most payload bytes that a tag of a file may have: a unit and what
// precedes it.
const maxTag = bitstream.MaxUnit + 64<<10

// Reader reads the tags of an FLV file (FLV 10.1 section E.2).
type Reader struct{ r io.Reader }

// NewReader reads the file's header. r should be buffered.
func NewReader(r io.Reader) (*Reader, error) {
	var h [9]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return nil, fmt.Errorf("flv: file header: %w", unexpected(err))
	}
	if string(h[:3]) != "FLV" {
		return nil, fmt.Errorf("flv: %w file: it does not begin with FLV", bitstream.ErrMalformed)
	}
	const longest = 1 << 16
	offset := binary.BigEndian.Uint32(h[5:])
	if offset < 9 || offset > longest {
		return nil, fmt.Errorf("flv: %w file: header of %d bytes", bitstream.ErrMalformed, offset)
	}
	// A header of a later version is longer; PreviousTagSize0 follows.
	if _, err := io.CopyN(io.Discard, r, int64(offset)-9+4); err != nil {
		return nil, fmt.Errorf("flv: file header: %w", unexpected(err))
	}
	return &Reader{r: r}, nil
}

// Next is the next tag, its payload a buffer of its own. After the last one it
// returns io.EOF, and io.ErrUnexpectedEOF if the file ends within a tag.
func (r *Reader) Next() (Tag, error) {
	var h [11]byte
	if _, err := io.ReadFull(r.r, h[:]); errors.Is(err, io.EOF) {
		return Tag{}, io.EOF
	} else if err != nil {
		return Tag{}, fmt.Errorf("flv: tag header: %w", err)
	}
	if h[0]&0x20 != 0 {
		return Tag{}, fmt.Errorf("flv: %w", &Unsupported{What: "the file is encrypted"})
	}
	size := int(uint24(h[1:]))
	if size > maxTag {
		return Tag{}, fmt.Errorf("flv: %w tag of %d bytes", bitstream.ErrMalformed, size)
	}
	payload, err := readSome(r.r, size)
	if err != nil {
		return Tag{}, fmt.Errorf("flv: tag: %w", unexpected(err))
	}
	// PreviousTagSize serves reading backwards, and is often wrong. Files that
	// were cut off lack the last one.
	var previous [4]byte
	if _, err := io.ReadFull(r.r, previous[:]); err != nil && !errors.Is(err, io.EOF) {
		return Tag{}, fmt.Errorf("flv: tag: %w", err)
	}
	return Tag{
		Type:      Type(h[0] & 0x1F),
		Timestamp: uint32(h[7])<<24 | uint24(h[4:]),
		Payload:   payload,
	}, nil
}

// readSome reads n bytes. It allocates as they come, so that a claimed size costs
// no memory that is not in the file.
func readSome(r io.Reader, n int) ([]byte, error) {
	const step = 64 << 10
	b := make([]byte, 0, min(n, step))
	for len(b) < n {
		next := min(n-len(b), max(step, len(b)))
		b = slices.Grow(b, next)
		k, err := io.ReadFull(r, b[len(b):len(b)+next])
		b = b[:len(b)+k]
		if err != nil {
			return nil, err
		}
	}
	return b, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Writer writes an FLV file.
type Writer struct {
	w   io.Writer
	buf []byte
}

// NewWriter writes the file's header, which says whether video and audio follow.
func NewWriter(w io.Writer, video, audio bool) (*Writer, error) {
	var flags byte
	if video {
		flags |= 1
	}
	if audio {
		flags |= 4
	}
	if _, err := w.Write([]byte{'F', 'L', 'V', 1, flags, 0, 0, 0, 9, 0, 0, 0, 0}); err != nil {
		return nil, fmt.Errorf("flv: file header: %w", err)
	}
	return &Writer{w: w}, nil
}

// Write writes one tag in one call of the underlying writer.
func (w *Writer) Write(t Tag) error {
	size := len(t.Payload)
	if size >= 1<<24 {
		return fmt.Errorf("flv: a tag cannot hold %d bytes", size)
	}
	ts := t.Timestamp
	w.buf = append(w.buf[:0], byte(t.Type), byte(size>>16), byte(size>>8), byte(size),
		byte(ts>>16), byte(ts>>8), byte(ts), byte(ts>>24), 0, 0, 0)
	w.buf = append(w.buf, t.Payload...)
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(size+11))
	if _, err := w.w.Write(w.buf); err != nil {
		return fmt.Errorf("flv: tag: %w", err)
	}
	return nil
}
