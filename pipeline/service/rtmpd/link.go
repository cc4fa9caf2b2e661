package rtmpd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// errInterrupted is what read returns after interrupt. Nothing is lost: read goes
// on after resume.
var errInterrupted = errors.New("interrupted")

// link is an RTMP connection behind its handshake: whole messages in and out. It
// deals with what is between two peers and no state machine's business: chunk
// sizes, aborts, acknowledgements, pings, aggregates.
//
// One goroutine at a time may read. write, interrupt and close may be called by
// any.
type link struct {
	conn net.Conn
	pace *beatConn // beneath conn; nil for a client
	in   chunkReader
	// split holds the messages of an aggregate that were not yet returned.
	split []message

	// idle is the time without bytes after which read fails; 0 leaves the
	// deadline alone. armed is when the deadline was last moved, arrived when bytes
	// last came.
	idle           time.Duration
	armed, arrived time.Time
	interrupted    atomic.Bool

	window uint64 // the peer wants an acknowledgement that often, in bytes; 0: never
	acked  uint64 // value of in.consumed in the last one

	sent  atomic.Uint64 // bytes written
	heard atomic.Uint64 // acknowledgements of the peer

	timeout   atomic.Int64 // time.Duration that a write may take
	wmu       sync.Mutex   // guards what follows, and writing to conn
	out       []byte
	chunkSize int
	failed    error // of the first write that did
}

func newLink(conn net.Conn, lim *Limits) *link {
	l := &link{conn: conn, chunkSize: defaultChunkSize}
	l.timeout.Store(int64(lim.Write))
	l.in = newChunkReader(l, readBuffer, lim)
	return l
}

// Read is the chunk reader's source: the socket, with a deadline that moves as
// long as bytes arrive.
func (l *link) Read(b []byte) (int, error) {
	// Moving it every time would cost more than the rest of this function.
	if l.idle > 0 && (l.armed.IsZero() || l.arrived.Sub(l.armed) > l.idle/16) {
		now := time.Now()
		if err := l.conn.SetReadDeadline(now.Add(l.idle)); err != nil {
			return 0, err
		}
		l.armed = now
	}
	// Ask after the deadline is set: interrupt sets the flag before its deadline,
	// so whichever comes last, it is not missed.
	if l.interrupted.Load() {
		return 0, errInterrupted
	}
	n, err := l.conn.Read(b)
	l.arrived = time.Now()
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) && l.interrupted.Load() {
		err = errInterrupted
	}
	return n, err
}

// follow makes what comes be read at most d late, on a beat that all share.
func (l *link) follow(d time.Duration) {
	if l.pace != nil {
		l.pace.follow(d)
	}
}

// interrupt makes a read that is waiting return errInterrupted, and all following
// ones until resume.
func (l *link) interrupt() {
	l.interrupted.Store(true)
	_ = l.conn.SetReadDeadline(time.Unix(1, 0)) // fails only if it is closed
}

// resume undoes interrupt. The next read sets its own deadline.
func (l *link) resume() {
	l.interrupted.Store(false)
	l.armed = time.Time{}
}

// watch makes reads fail when no byte arrives for that long.
func (l *link) watch(idle time.Duration) {
	l.idle, l.armed = idle, time.Time{}
}

// expire makes reads fail at that time, whatever arrives.
func (l *link) expire(at time.Time) error {
	l.idle = 0
	return l.conn.SetReadDeadline(at)
}

// read is the next message that is not protocol control: audio, video, data or a
// command, none of them empty, all of AMF 0. Messages of other types are skipped.
func (l *link) read() (message, error) {
	for {
		if len(l.split) > 0 {
			m := l.split[0]
			l.split = l.split[1:]
			return m, nil
		}
		m, err := l.in.next()
		if err != nil {
			return message{}, err
		}
		if err := l.acknowledge(); err != nil {
			return message{}, err
		}
		if len(m.payload) == 0 {
			continue // legal, and without meaning in every type
		}
		pass, err := l.sort(&m)
		if err != nil || pass {
			return m, err
		}
	}
}

// sort deals with m if it is the link's business, else says to pass it on.
func (l *link) sort(m *message) (pass bool, err error) {
	switch m.typ {
	case TypeAudio, TypeVideo, TypeData, typeCommand:
		return true, nil
	case typeDataAMF3:
		m.typ = TypeData
		return unwrap(m), nil
	case typeCommandAMF3:
		m.typ = typeCommand
		return unwrap(m), nil
	case typeAggregate:
		l.split, err = splitAggregate(m, l.in.limit)
		return false, err
	default:
		return false, l.control(m)
	}
}

// unwrap removes the format selector that AMF 3 messages begin with. Its only
// value in use, 0, says that AMF 0 follows; some peers leave it out. It reports
// whether anything is left.
func unwrap(m *message) bool {
	if m.payload[0] == 0 {
		m.payload = m.payload[1:]
	}
	return len(m.payload) > 0
}

// control obeys a protocol control message (sections 5.4 and 6.2).
func (l *link) control(m *message) error {
	if len(m.payload) < 4 {
		return nil
	}
	v := binary.BigEndian.Uint32(m.payload)
	switch m.typ {
	case typeSetChunkSize:
		if v == 0 || v>>31 != 0 {
			return fmt.Errorf("chunk size %d", v)
		}
		l.in.chunkSize = min(v, maxChunkSize)
	case typeAbort:
		l.in.abort(v)
	case typeAck:
		l.heard.Add(1)
	case typeWindowAckSize:
		if l.window = uint64(v); v > 0 {
			l.window = max(l.window, minWindow)
		}
	case typeUserControl:
		const pingRequest, pingResponse = 6, 7
		if v>>16 == pingRequest && len(m.payload) >= 6 {
			pong := append([]byte{0, pingResponse}, m.payload[2:6]...)
			return l.write(message{typ: typeUserControl, chunk: 2, payload: pong})
		}
	}
	return nil
}

// acknowledge tells the peer how much has arrived, twice per window.
func (l *link) acknowledge() error {
	if l.window == 0 || l.in.consumed-l.acked < l.window/2 {
		return nil
	}
	l.acked = l.in.consumed
	n := binary.BigEndian.AppendUint32(nil, uint32(l.acked)) // wraps, as the peer expects
	return l.write(message{typ: typeAck, chunk: 2, payload: n})
}

// splitAggregate takes an aggregate (section 7.1.6) apart. The messages share its
// payload. Their timestamps count from the aggregate's own.
func splitAggregate(m *message, limit func(uint8) int) ([]message, error) {
	var (
		ms    []message
		first uint32
	)
	for b := m.payload; len(b) > 0; {
		if len(b) < 11 {
			return nil, errors.New("aggregate ends within a header")
		}
		typ, n := b[0], int(be24(b[1:]))
		ts := be24(b[4:]) | uint32(b[7])<<24
		if b = b[11:]; n > len(b) {
			return nil, errors.New("aggregate ends within a message")
		}
		if n > limit(typ) {
			return nil, fmt.Errorf("message of type %d and %d bytes in an aggregate; at most %d are allowed", typ, n, limit(typ))
		}
		if ms == nil {
			first = ts
		}
		if n > 0 && (typ == TypeAudio || typ == TypeVideo || typ == TypeData) {
			ms = append(ms, message{typ: typ, chunk: m.chunk, stream: m.stream, timestamp: m.timestamp + ts - first, payload: b[:n:n]})
		}
		b = b[min(len(b), n+4):] // a back pointer follows, not always behind the last
	}
	return ms, nil
}

// write sends a message. After the first error it only returns that one.
func (l *link) write(m message) error {
	l.wmu.Lock()
	defer l.wmu.Unlock()
	if l.failed != nil {
		return l.failed
	}
	l.out = appendChunks(l.out[:0], &m, l.chunkSize)
	l.put(l.out)
	if cap(l.out) > 2*eager {
		l.out = nil
	}
	return l.failed
}

// writeBytes sends whole messages that are in chunks already.
func (l *link) writeBytes(b []byte) error {
	l.wmu.Lock()
	defer l.wmu.Unlock()
	if l.failed == nil {
		l.put(b)
	}
	return l.failed
}

// put writes to the connection and notes whether that failed. The caller holds wmu.
func (l *link) put(b []byte) {
	if l.failed = l.limitWrite(); l.failed != nil {
		return
	}
	var n int
	n, l.failed = l.conn.Write(b)
	l.sent.Add(uint64(n))
}

// limitWrite sets the deadline of a write. It asks for the timeout again
// afterwards, so that hurry is never missed.
func (l *link) limitWrite() error {
	for {
		t := l.timeout.Load()
		if err := l.conn.SetWriteDeadline(time.Now().Add(time.Duration(t))); err != nil {
			return err
		}
		if l.timeout.Load() == t {
			return nil
		}
	}
}

// hurry limits the time of all further writes, and of one that is under way.
func (l *link) hurry(d time.Duration) {
	l.timeout.Store(int64(d))
	_ = l.conn.SetWriteDeadline(time.Now().Add(d)) // fails only if it is closed
}

// setChunkSize announces the size of our chunks and uses it from then on.
func (l *link) setChunkSize(size int) error {
	b := binary.BigEndian.AppendUint32(nil, uint32(size))
	if err := l.write(message{typ: typeSetChunkSize, chunk: 2, payload: b}); err != nil {
		return err
	}
	l.wmu.Lock()
	defer l.wmu.Unlock()
	l.chunkSize = size
	return nil
}
