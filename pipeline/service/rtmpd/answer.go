package rtmpd

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
)

// answers is what the guard keeps to take the library's output apart. Only the
// library's writing goroutine uses it, but for refusal and told.
type answers struct {
	swallow int // bytes of the library's handshake still to come
	bytes   bytes.Buffer
	in      chunkReader
	refusal atomic.Pointer[StatusError] // words for the library's refusal
	told    atomic.Bool                 // something was said that must arrive before the socket closes
}

// Write takes the library's answers.
func (g *guard) Write(b []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = g.server.caught(r)
		}
	}()
	a := &g.answers
	n = len(b)
	skip := min(a.swallow, len(b))
	a.swallow -= skip
	_, _ = a.bytes.Write(b[skip:]) // never fails
	for {
		m, err := a.in.next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return n, nil // the rest is still to come
		}
		if err != nil {
			return 0, err
		}
		if err := g.answer(m); err != nil {
			return 0, err
		}
	}
}

// answer sends a message of the library, or what we say instead.
func (g *guard) answer(m message) error {
	switch m.typ {
	case typeAck, typeSetChunkSize: // the link's business
		return nil
	case typeCommand:
		c, err := parseCommand(&m)
		if err != nil {
			return err
		}
		refusal := g.answers.refusal.Load()
		switch {
		case c.name == "_result" && c.object() != nil: // that of createStream has none
			m.payload = g.hello.connectResult(c)
		case c.name == "onStatus" && refusal != nil:
			m.payload = onStatus("error", refusal.Code, refusal.Text)
			g.answers.told.Store(true)
		case c.name == "onStatus":
			g.answers.told.Store(true)
		}
	}
	return g.link.write(m)
}
