package rtmpd

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// peer is a raw client: it says what a test makes it say.
type peer struct {
	t    testing.TB
	conn net.Conn
	link *link
}

// call connects and shakes hands.
func call(t testing.TB, addr string) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := offerHandshake(conn); err != nil {
		t.Fatal(err)
	}
	lim := Limits{}.withDefaults()
	return &peer{t: t, conn: conn, link: newLink(conn, &lim)}
}

// send writes raw bytes. Errors are left to the following read.
func (p *peer) send(wire []byte) { _, _ = p.conn.Write(wire) }

// say sends a command.
func (p *peer) say(stream uint32, name string, values ...any) { p.send(says(stream, name, values...)) }

// says is a command on the wire.
func says(stream uint32, name string, values ...any) []byte {
	body := appendAMF0(appendAMF0(nil, name), values...)
	return appendChunks(nil, &message{typ: typeCommand, chunk: 3, stream: stream, payload: body}, defaultChunkSize)
}

// hear is the next command of that name.
func (p *peer) hear(name string) *command {
	p.t.Helper()
	for {
		m, err := p.link.read()
		if err != nil {
			p.t.Fatalf("waiting for %s: %v", name, err)
		}
		if m.typ != typeCommand {
			continue
		}
		c, err := parseCommand(&m)
		if err != nil {
			p.t.Fatal(err)
		}
		if c.name == name {
			return c
		}
	}
}

// gone waits for the end of the connection.
func (p *peer) gone() {
	p.t.Helper()
	for {
		if _, err := p.link.read(); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				p.t.Error("the server keeps the connection")
			}
			return
		}
	}
}

// publishes takes the peer to an accepted publish.
func (p *peer) publishes(app, name string) {
	p.t.Helper()
	p.send(publishing(app, name))
	if c := p.hear("onStatus"); statusOf(c).Code != CodeStart {
		p.t.Fatalf("publish: %v", statusOf(c))
	}
}

// publishing is all that a publisher says, at once.
func publishing(app, name string) []byte {
	return cat(says(0, "connect", 1, Object{{"app", app}}), says(0, "createStream", 2, nil), says(1, "publish", 3, nil, name, "live"))
}

// video is a video message on the wire.
func video(ts uint32, payload string) []byte {
	return appendChunks(nil, &message{typ: TypeVideo, chunk: 6, stream: 1, timestamp: ts, payload: []byte(payload)}, defaultChunkSize)
}
