package rtmpd

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/yutopp/go-rtmp"
)

// TestLibraryPanic: a panic that go-rtmp catches itself is counted; an error of
// its is not, whatever the peer makes it say.
func TestLibraryPanic(t *testing.T) {
	caught := make(chan string, 10)
	logger := libraryLogger(func(r any) error {
		err := r.(error)
		caught <- err.Error()
		return err
	})
	s := NewServer(Config{})
	d := newDesk()
	library := rtmp.NewServer(&rtmp.ServerConfig{OnConnect: func(c net.Conn) (io.ReadWriteCloser, *rtmp.ConnConfig) {
		return c.(*waiting).guard, &rtmp.ConnConfig{
			Handler:                   &callbacks{admit: func() error { panic("a defect of the library") }},
			SkipHandshakeVerification: true,
			Logger:                    logger,
		}
	}})
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = library.Serve(d)
	}()
	meet := func(wire []byte) {
		conn := &tape{}
		conn.Reset(wire)
		ticket, _ := s.gate.enter(conn)
		g := newGuard(s, newLink(conn, &s.limits), ticket, false, time.Now())
		d.offer(context.Background(), g)
		<-g.left
	}
	meet(publishing("live", "studio"))
	meet(says(0, "connect", 1, Object{{"app", "\nruntime.gopanic\n"}}))
	meet(cat(says(0, "connect", 1, Object{}), says(0, "createStream", 2, nil), says(0, "publish", 3, nil, "\nruntime.gopanic\n")))
	_ = library.Close()
	_ = d.Close()
	<-served
	// The library logs after it has closed the connection.
	if text := <-caught; !strings.Contains(text, "a defect of the library") {
		t.Errorf("caught %q", text)
	}
	if len(caught) != 0 {
		t.Errorf("caught more: %q", <-caught)
	}
}
