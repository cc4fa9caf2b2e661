package rtmpd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// tape is a connection that plays bytes, forgets what is written, and does not
// know time.
type tape struct{ bytes.Reader }

func (*tape) Write(b []byte) (int, error)      { return len(b), nil }
func (*tape) Close() error                     { return nil }
func (*tape) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*tape) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)} }
func (*tape) SetDeadline(time.Time) error      { return nil }
func (*tape) SetReadDeadline(time.Time) error  { return nil }
func (*tape) SetWriteDeadline(time.Time) error { return nil }

// play lets a server handle the bytes as those of a peer behind its handshake,
// and returns what its publishers sent.
func play(t testing.TB, s *Server, d *desk, wire []byte) {
	t.Helper()
	conn := &tape{*bytes.NewReader(wire)}
	ticket, ok := s.gate.enter(conn)
	if !ok {
		t.Fatal("no ticket")
	}
	g := newGuard(s, newLink(conn, &s.limits), ticket, false, time.Now())
	if !d.offer(context.Background(), g) {
		t.Fatal("no library")
	}
	<-g.left
}

// collect is a Handler that receives all messages and passes on their number and
// their bytes.
func collect(check func(Message)) Handler {
	return func(_ context.Context, p *Publisher) error {
		go func() {
			for {
				m, err := p.Recv(context.Background())
				if err != nil {
					if !errors.Is(err, io.EOF) {
						p.Close(Failed("no"))
					}
					return
				}
				check(m)
			}
		}()
		return nil
	}
}

// FuzzGuard: whatever comes behind the handshake, nothing panics, nothing hangs,
// memory stays in proportion, and messages are what they may be.
func FuzzGuard(f *testing.F) {
	for name, wire := range hostile() {
		if len(wire) < 4<<10 && !strings.Contains(name, "for ever") {
			f.Add(wire, false)
			f.Add(wire, true)
		}
	}
	f.Add(cat(video(1, "v"), says(0, "FCUnpublish", 4, nil, "x"), says(0, "deleteStream", 5, nil, 1), says(0, "createStream", 6, nil), says(1, "publish", 7, nil, "y"), video(2, "w")), true)
	s := NewServer(Config{Handler: collect(func(m Message) {
		if len(m.Payload) == 0 || m.Type != TypeAudio && m.Type != TypeVideo && m.Type != TypeData {
			f.Errorf("message %+v", m)
		}
	})})
	d, stop := s.startLibrary(context.Background())
	f.Cleanup(stop)
	prelude := publishing("live", "studio?key=K")
	f.Fuzz(func(t *testing.T, wire []byte, published bool) {
		if len(wire) > 64<<10 {
			return
		}
		if published {
			wire = cat(prelude, wire)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		play(t, s, d, wire)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
			t.Errorf("%d bytes allocated for %d", n, len(wire))
		}
		if st := s.Stats(); st.Panics != 0 {
			t.Errorf("panics: %d", st.Panics)
		}
	})
}
