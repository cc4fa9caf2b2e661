package rtmpd

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inbox is a Handler that accepts everybody and passes them on.
type inbox chan *Publisher

func (in inbox) handle(ctx context.Context, p *Publisher) error {
	select {
	case in <- p:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// start runs a server on a loopback port until the test ends.
func start(t testing.TB, c Config) (*Server, string) {
	t.Helper()
	s := NewServer(c)
	return s, listen(t, s.Serve)
}

// listen runs serve on a loopback port until the test ends.
func listen(t testing.TB, serve func(context.Context, net.Listener) error) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return ln.Addr().String()
}

func TestPublish(t *testing.T) {
	in := make(inbox, 1)
	s, addr := start(t, Config{Handler: in.handle})
	c, err := Dial(t.Context(), "rtmp://"+addr+"/live/studio?key=K", DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := <-in
	if r := p.Request(); r.Path != "live/studio" || !r.Key.Equal("K") || r.Encoder != "weir" || r.Secure {
		t.Errorf("request: %+v", r)
	}
	if err := c.Write(Message{Type: TypeVideo, Timestamp: 40, Payload: []byte("picture")}); err != nil {
		t.Fatal(err)
	}
	m, err := p.Recv(t.Context())
	if err != nil || m.Type != TypeVideo || m.Timestamp != 40 || string(m.Payload) != "picture" || time.Since(m.Arrived) > time.Second {
		t.Errorf("message: %+v, %v", m, err)
	}
	if st := s.Stats(); st.Publishers != 1 || st.Pending != 0 || st.Connections != 1 {
		t.Errorf("stats: %+v", st)
	}
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	if _, err := p.Recv(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
