package rtmpd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestRefusals(t *testing.T) {
	var log syncBuffer
	s, addr := start(t, Config{
		Log: slog.New(slog.NewTextHandler(&log, nil)),
		Handler: func(_ context.Context, p *Publisher) error {
			switch r := p.Request(); {
			case r.Path == "live/panic":
				panic("a defect")
			case r.Path == "live/broken":
				return errors.New("disk on fire at /var/secret")
			case r.Path == "live/unknown":
				return BadName("nothing is published at live/unknown")
			case !r.Key.Equal("right"):
				return Denied("the key is wrong")
			}
			return errors.New("unreachable")
		},
	})
	tests := []struct{ path, want string }{
		{"live/studio?key=cnry_wrong", "the key is wrong (NetStream.Publish.Denied)"},
		{"live/studio", "the key is wrong (NetStream.Publish.Denied)"},
		{"live/unknown?key=cnry_wrong", "nothing is published at live/unknown (NetStream.Publish.BadName)"},
		{"live/broken?key=cnry_wrong", "the server cannot take the stream now (NetStream.Publish.Failed)"},
		{"live/panic?key=cnry_wrong", "the server cannot take the stream now (NetStream.Publish.Failed)"},
		{"live/-x?key=cnry_wrong", "the stream's address is not valid: a path's segments are 1 to 64 letters, digits or . _ ~ -, starting with a letter or digit (NetStream.Publish.BadName)"},
		{"a/b/c/d/e?key=cnry_wrong", "the stream's address is not valid: a path has at most 4 segments (NetStream.Publish.BadName)"},
		{"live/" + strings.Repeat("x", 2000), "the stream's name is longer than 1024 bytes (NetStream.Publish.BadName)"},
	}
	for _, tt := range tests {
		_, err := Dial(t.Context(), "rtmp://"+addr+"/"+tt.path, DialOptions{})
		var status *StatusError
		if !errors.As(err, &status) || status.Error() != tt.want {
			t.Errorf("%.40s: got %v, want %s", tt.path, err, tt.want)
		}
		if strings.Contains(errText(err), "cnry") {
			t.Errorf("the error quotes the key: %v", err)
		}
	}
	eventually(t, "all gone", func() bool { return s.Stats().Connections == 0 })
	if st := s.Stats(); st.Refused[RefusedPublish] != uint64(len(tests)) || st.Panics != 1 || st.Published != 0 {
		t.Errorf("stats: %+v", st)
	}
	if text := log.String(); strings.Contains(text, "cnry") {
		t.Errorf("the log quotes the key:\n%s", text)
	}
}

// syncBuffer is a buffer for concurrent writers.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestTakeover: the old publisher is told and closed at once, also if it does not
// read, while its reader waits.
func TestTakeover(t *testing.T) {
	in := make(inbox, 1)
	_, addr := start(t, Config{Handler: in.handle})
	c, err := Dial(t.Context(), "rtmp://"+addr+"/live/studio", DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := <-in
	received := make(chan error, 1)
	go func() {
		_, err := p.Recv(t.Context())
		received <- err
	}()
	begin := time.Now()
	p.Close(BadName("taken over by another publisher"))
	if d := time.Since(begin); d > 300*time.Millisecond {
		t.Errorf("Close took %v", d)
	}
	var status *StatusError
	if err := <-received; !errors.As(err, &status) || status.Code != CodeBadName {
		t.Errorf("Recv: %v", err)
	}
	<-c.Done()
	if err := c.Err(); errText(err) != "taken over by another publisher (NetStream.Publish.BadName)" {
		t.Errorf("the client was told: %v", err)
	}
	if err := c.Write(Message{Type: TypeAudio, Payload: []byte{1}}); !errors.As(err, &status) {
		t.Errorf("Write afterwards: %v", err)
	}
	p.Close(nil) // nothing happens
	_ = c.Close()
}

// TestTakeoverOfBusyPublisher: the old one sends as fast as it can and nobody
// receives; it still learns why.
func TestTakeoverOfBusyPublisher(t *testing.T) {
	in := make(inbox, 1)
	_, addr := start(t, Config{Handler: in.handle})
	c, err := Dial(t.Context(), "rtmp://"+addr+"/live/studio", DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := <-in
	sent := make(chan error, 1)
	blocked := make(chan struct{})
	go func() {
		for i := 0; ; i++ {
			if i == 20 {
				close(blocked)
			}
			if err := c.Write(Message{Type: TypeVideo, Payload: make([]byte, 50_000)}); err != nil {
				sent <- err
				return
			}
		}
	}()
	<-blocked
	p.Close(BadName("taken over by another publisher"))
	var status *StatusError
	if err := <-sent; !errors.As(err, &status) {
		t.Errorf("the client was told: %v", err)
	}
	_ = c.Close()
}

func TestShutdown(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	in := make(inbox, 1)
	s := NewServer(Config{Handler: in.handle})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	addr := ln.Addr().String()
	c, err := Dial(t.Context(), "rtmp://"+addr+"/live/studio", DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := <-in
	silent, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	shaken := call(t, addr)
	eventually(t, "three connections", func() bool { return s.Stats().Connections == 3 })
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := p.Recv(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("Recv: %v", err)
	}
	<-c.Done()
	if err := c.Err(); errText(err) != "the server is shutting down (NetStream.Publish.Failed)" {
		t.Errorf("the client was told: %v", err)
	}
	shaken.gone()
	_, _ = silent.Read(make([]byte, 1))
	_ = silent.Close()
	_ = c.Close()
	if st := s.Stats(); st.Connections != 0 {
		t.Errorf("stats: %+v", st)
	}
}

func TestDeadlines(t *testing.T) {
	in := make(inbox, 1)
	limits := Limits{Handshake: 50 * time.Millisecond, Publish: 150 * time.Millisecond, Idle: 100 * time.Millisecond}
	s, addr := start(t, Config{Handler: in.handle, Limits: limits})
	refused := func(r Refusal) func() bool { return func() bool { return s.Stats().Refused[r] == 1 } }

	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "handshake timeout", refused(RefusedHandshake))
	_ = c.Close()

	// Being busy does not prolong the time until the publish.
	p := call(t, addr)
	p.say(0, "connect", 1, Object{{"app", "live"}})
	var busy sync.WaitGroup
	busy.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for s.Stats().Connections > 0 {
			p.say(0, "getStreamLength", 2, nil, "x")
			<-tick.C
		}
	})
	p.gone()
	eventually(t, "publish timeout", refused(RefusedSlow))
	busy.Wait()

	idle := call(t, addr)
	idle.publishes("live", "studio")
	if _, err := (<-in).Recv(t.Context()); errText(err) != "nothing arrived for 100ms" {
		t.Errorf("idle: %v", err)
	}
	idle.gone()
	eventually(t, "idle", refused(RefusedIdle))

	serverTLS, _ := certificate(t)
	secure := listen(t, func(ctx context.Context, ln net.Listener) error { return s.ServeTLS(ctx, ln, serverTLS) })
	if c, err = net.Dial("tcp", secure); err != nil {
		t.Fatal(err)
	}
	_, _ = c.Write([]byte{22, 3, 1}) // a ClientHello that goes no further
	eventually(t, "TLS handshake timeout", func() bool { return s.Stats().Refused[RefusedHandshake] == 2 })
	_ = c.Close()
	if n := s.Stats().Refused[RefusedSlow]; n != 1 {
		t.Errorf("%d slow connections", n)
	}
}
