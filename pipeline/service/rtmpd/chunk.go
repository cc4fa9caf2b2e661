package rtmpd

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// extended stands in a 24-bit timestamp field when a 32-bit one follows
// (section 5.3.1.3).
const extended = 0xffffff

// eager is the length up to which a payload is allocated whole when its message
// begins, in bytes. Longer ones grow as they arrive, so that a header alone costs
// us no more than this.
const eager = 256 << 10

// chunkReader assembles messages from chunks (section 5.3). It can be resumed: an
// error of the source, such as a timeout, leaves it where it was, and the next
// call goes on from there.
type chunkReader struct {
	src *bufio.Reader
	// limit is the largest message of a type, in bytes.
	limit func(typ uint8) int
	// maxStreams and maxPartial bound the chunk streams and the bytes of begun
	// messages.
	maxStreams, maxPartial int
	// quota is how many bytes the source may yield; 0 means any number.
	quota uint64

	chunkSize uint32
	streams   map[uint32]*chunkStream
	partial   int
	consumed  uint64 // bytes taken from src
	current   *chunkStream
	left      int // bytes missing in the current chunk
}

// chunkStream is what a chunk's header is relative to, and the message that is
// being assembled.
type chunkStream struct {
	id        uint32
	begun     bool // payload holds the beginning of a message
	extended  bool // the last header with a timestamp had the extended field
	omits     bool // the peer leaves the extended field out of type 3 chunks
	typ       uint8
	stream    uint32
	length    int
	field     uint32 // timestamp or delta of the last header that had one
	timestamp uint32 // absolute
	payload   []byte
}

func newChunkReader(src io.Reader, size int, lim *Limits) chunkReader {
	return chunkReader{
		src:        bufio.NewReaderSize(src, size),
		limit:      lim.message,
		maxStreams: lim.ChunkStreams,
		maxPartial: lim.Partial,
		chunkSize:  defaultChunkSize,
		streams:    make(map[uint32]*chunkStream),
	}
}

// message is the limit for messages of a type, in bytes.
func (l *Limits) message(typ uint8) int {
	switch typ {
	case TypeVideo, typeAggregate:
		return l.Video
	case TypeAudio:
		return l.Audio
	default:
		return l.Command
	}
}

// next is the next whole message. Its payload belongs to the caller and may be
// empty. io.EOF means that the source ended between two messages.
func (r *chunkReader) next() (message, error) {
	for {
		if r.current == nil {
			if err := r.header(); err != nil {
				return message{}, err
			}
		}
		s := r.current
		if err := r.body(s); err != nil {
			return message{}, unexpected(err)
		}
		r.current = nil
		if len(s.payload) < s.length {
			continue
		}
		m := message{typ: s.typ, chunk: s.id, stream: s.stream, timestamp: s.timestamp, payload: s.payload}
		r.drop(s)
		return m, nil
	}
}

// drop forgets the begun message of s.
func (r *chunkReader) drop(s *chunkStream) {
	r.partial -= cap(s.payload)
	s.payload, s.begun = nil, false
}

// abort drops the begun message of a chunk stream (section 5.4.2).
func (r *chunkReader) abort(id uint32) {
	if s, ok := r.streams[id]; ok && s.begun {
		r.drop(s)
	}
}

// body reads what is missing of the current chunk.
func (r *chunkReader) body(s *chunkStream) error {
	for r.left > 0 {
		if len(s.payload) == cap(s.payload) {
			if err := r.grow(s); err != nil {
				return err
			}
		}
		n := len(s.payload)
		room := s.payload[n:min(cap(s.payload), n+r.left)]
		k, err := r.src.Read(room)
		s.payload = s.payload[:n+k]
		r.left -= k
		r.consumed += uint64(k)
		if err != nil && r.left > 0 {
			return err
		}
	}
	return nil
}

// grow makes room for more of the message of s.
func (r *chunkReader) grow(s *chunkStream) error {
	size := min(s.length, max(eager, 2*cap(s.payload)))
	if r.partial += size - cap(s.payload); r.partial > r.maxPartial {
		return fmt.Errorf("begun messages take more than %d bytes", r.maxPartial)
	}
	p := make([]byte, len(s.payload), size)
	copy(p, s.payload)
	s.payload = p
	return nil
}

// header reads the next chunk's header and sets current and left. It takes
// nothing from the source before it has all of the header.
func (r *chunkReader) header() error {
	b, err := r.src.Peek(1)
	if err != nil {
		if len(r.streams) > 0 && r.partial > 0 {
			err = unexpected(err)
		}
		return err
	}
	form, id, n, err := r.basicHeader(b[0])
	if err != nil {
		return err
	}
	s := r.streams[id]
	if s == nil {
		if form > 1 {
			return fmt.Errorf("chunk stream %d begins with a chunk of type %d", id, form)
		}
		if len(r.streams) >= r.maxStreams {
			return fmt.Errorf("more than %d chunk streams", r.maxStreams)
		}
		s = &chunkStream{id: id}
	}
	if form == 3 {
		n, err = r.continuation(s, n)
	} else {
		n, err = r.messageHeader(s, form, n)
	}
	if err != nil {
		return err
	}
	r.streams[id] = s
	r.consumed += uint64(n)
	if _, err := r.src.Discard(n); err != nil {
		return unexpected(err)
	}
	s.begun = true
	r.current, r.left = s, min(s.length-len(s.payload), int(r.chunkSize))
	if r.quota > 0 && r.consumed+uint64(r.left) > r.quota {
		return fmt.Errorf("more than %d bytes before a publish was accepted", r.quota)
	}
	return nil
}

// basicHeader decodes the chunk type, the chunk stream ID and the length of the
// basic header (section 5.3.1.1).
func (r *chunkReader) basicHeader(first byte) (form uint8, id uint32, n int, err error) {
	form, id, n = first>>6, uint32(first&0x3f), 1
	if id > 1 {
		return form, id, n, nil
	}
	n = 2 + int(id)
	b, err := r.src.Peek(n)
	if err != nil {
		return 0, 0, 0, unexpected(err)
	}
	if id = uint32(b[1]) + 64; n == 3 {
		id += uint32(b[2]) << 8
	}
	return form, id, n, nil
}

// messageHeader decodes a header of type 0, 1 or 2 that starts at offset n, and
// begins a message. It returns the offset behind the header.
func (r *chunkReader) messageHeader(s *chunkStream, form uint8, n int) (int, error) {
	if s.begun {
		return 0, fmt.Errorf("chunk stream %d begins a message within another", s.id)
	}
	at, end := n, n+[...]int{11, 7, 3}[form]
	b, err := r.src.Peek(end)
	if err != nil {
		return 0, unexpected(err)
	}
	field := be24(b[at:])
	ext := field == extended
	if ext {
		end += 4
		if b, err = r.src.Peek(end); err != nil {
			return 0, unexpected(err)
		}
		field = binary.BigEndian.Uint32(b[end-4:])
	}
	if form < 2 {
		length, typ := int(be24(b[at+3:])), b[at+6]
		if most := r.limit(typ); length > most {
			return 0, fmt.Errorf("message of type %d and %d bytes; at most %d are allowed", typ, length, most)
		}
		s.length, s.typ = length, typ
	}
	if form == 0 {
		s.stream = binary.LittleEndian.Uint32(b[at+7:])
		s.timestamp = 0
	}
	s.extended, s.field = ext, field
	s.timestamp += field
	return end, nil
}

// continuation decodes a header of type 3: the next chunk of the begun message,
// or a new message like the last one. Adobe's specification has the extended
// timestamp repeated here, but not every peer does so: what does not look like a
// repetition is payload.
func (r *chunkReader) continuation(s *chunkStream, n int) (int, error) {
	if s.extended && !s.omits {
		b, err := r.src.Peek(n + 4)
		if err != nil {
			return 0, unexpected(err)
		}
		if binary.BigEndian.Uint32(b[n:]) == s.field {
			n += 4
		} else {
			s.omits = true
		}
	}
	if !s.begun {
		if most := r.limit(s.typ); s.length > most {
			return 0, fmt.Errorf("message of type %d and %d bytes; at most %d are allowed", s.typ, s.length, most)
		}
		s.timestamp += s.field
	}
	return n, nil
}

func be24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

func putBE24(b []byte, v uint32) { b[0], b[1], b[2] = byte(v>>16), byte(v>>8), byte(v) }

// unexpected is err for a place where the source must not end.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// appendChunks appends m as chunks of at most size payload bytes: a type 0 chunk
// and type 3 chunks, with extended timestamps in all of them where they are
// needed. It needs no state, so every message can be understood by itself.
func appendChunks(dst []byte, m *message, size int) []byte {
	field := min(m.timestamp, extended)
	dst = appendBasicHeader(dst, 0, m.chunk)
	var h [11]byte
	putBE24(h[:], field)
	putBE24(h[3:], uint32(len(m.payload)))
	h[6] = m.typ
	binary.LittleEndian.PutUint32(h[7:], m.stream)
	dst = append(dst, h[:]...)
	for rest := m.payload; ; {
		if field == extended {
			dst = binary.BigEndian.AppendUint32(dst, m.timestamp)
		}
		n := min(len(rest), size)
		dst = append(dst, rest[:n]...)
		if rest = rest[n:]; len(rest) == 0 {
			return dst
		}
		dst = appendBasicHeader(dst, 3, m.chunk)
	}
}

func appendBasicHeader(dst []byte, form uint8, id uint32) []byte {
	switch {
	case id < 64:
		return append(dst, form<<6|byte(id))
	case id < 320:
		return append(dst, form<<6, byte(id-64))
	default:
		return append(dst, form<<6|1, byte(id-64), byte((id-64)>>8))
	}
}
