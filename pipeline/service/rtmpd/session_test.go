package rtmpd

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// The URL and the key of a platform are put together as encoders do it.
func TestTargets(t *testing.T) {
	for _, c := range []struct{ url, name, app, stream, address string }{
		{"rtmp://host/live/studio?key=K", "", "live", "studio?key=K", "host:1935"},
		{"rtmps://b.example.net:443/live2?backup=1", "abcd-efgh", "live2?backup=1", "abcd-efgh", "b.example.net:443"},
		{"rtmps://host/rtmp/", "FB-1?s_bl=1", "rtmp", "FB-1?s_bl=1", "host:443"},
		{"rtmp://[::1]/app", "k", "app", "k", "[::1]:1935"},
	} {
		got, err := parseTarget(c.url, c.name)
		if err != nil || got.app != c.app || got.name != c.stream || got.address != c.address {
			t.Errorf("%s and %s: %+v, %v", c.url, c.name, got, err)
		}
	}
}

// Append and Flush are Write, for several messages at once; Flow sees them arrive.
func TestAppendAndFlow(t *testing.T) {
	in := make(inbox, 1)
	_, addr := start(t, Config{Handler: in.handle})
	c, err := Dial(t.Context(), "rtmp://"+addr+"/live", DialOptions{Name: "studio?key=K", ChunkSize: 65536, Prompt: true})
	if err != nil {
		t.Fatal(err)
	}
	p := <-in
	if takes, said := c.Takes("hvc1"); !takes || !said {
		t.Errorf("hvc1: %v, %v", takes, said)
	}
	if takes, _ := c.Takes("vp09"); takes {
		t.Error("vp09 is taken")
	}
	const messages = 20
	go func() {
		for i := range uint32(messages) {
			_ = c.Append(Message{Type: TypeVideo, Timestamp: i, Payload: make([]byte, 100_000)})
			if i%2 == 1 {
				_ = c.Flush()
			}
		}
	}()
	for i := range uint32(messages) {
		m, err := p.Recv(t.Context())
		if err != nil || m.Timestamp != i || len(m.Payload) != 100_000 {
			t.Fatalf("message %d: %d of %d bytes, %v", i, m.Timestamp, len(m.Payload), err)
		}
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for f := c.Flow(); f.Sent < messages*100_000 || f.Heard < 4 || f.Waiting; f = c.Flow() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("flow: %+v", f)
		}
	}
	why := errors.New("enough")
	c.Abort(why)
	if err := c.Write(Message{Type: TypeVideo, Payload: []byte{1}}); !errors.Is(err, why) {
		t.Errorf("after Abort: %v", err)
	}
}

// Errors say on which step they happened.
func TestDialSteps(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write(make([]byte, 4000))
			_ = c.Close()
		}
	}()
	step := func(url string, dial func(context.Context, string, string) (net.Conn, error)) Step {
		var e *DialError
		_, err := Dial(t.Context(), url, DialOptions{Dial: dial})
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v", url, err)
		}
		return e.Step
	}
	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no") }
	if s := step("rtmp://h/a/b", refuse); s != StepConnect {
		t.Errorf("refused: %v", s)
	}
	if s := step("rtmps://"+ln.Addr().String()+"/a/b", nil); s != StepTLS {
		t.Errorf("no TLS: %v", s)
	}
	if s := step("rtmp://"+ln.Addr().String()+"/a/b", nil); s != StepHandshake {
		t.Errorf("no RTMP: %v", s)
	}
}

// FuzzAnswers: whatever a server answers, a client does not panic, does not hang and
// holds little.
func FuzzAnswers(f *testing.F) {
	f.Add(cat(says(0, "_result", 1, Object{{"fourCcList", []any{"*"}}}), says(0, "_result", 4, nil, 1), says(1, "onStatus", 0, nil, Object{{"code", CodeStart}})))
	f.Add(says(0, "_error", 1, nil, Object{{"code", "NetConnection.Connect.Rejected"}, {"description", "no"}}))
	f.Add(cat(says(0, "_result", 1), says(0, "_result", 4, nil, -1e300), says(1, "onStatus", 0, nil, Object{{"level", "error"}, {"code", CodeBadName}})))
	for _, wire := range hostile() {
		if len(wire) < 4<<10 {
			f.Add(wire)
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		if len(wire) > 64<<10 {
			return
		}
		conn := &tape{}
		conn.Reset(wire)
		lim := answering(0)
		c := &Client{link: newLink(conn, &lim), raw: conn, done: make(chan struct{})}
		if err := c.negotiate(&target{app: "a", name: "n"}, "weir"); err == nil {
			c.listen()
			_ = c.Flow()
		}
	})
}
