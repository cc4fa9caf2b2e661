//go:build e2e

package faults

import (
	"context"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
)

// sink is an RTMP server that notes what is pushed to it, and can be slow, hang, refuse
// and restart.
type sink struct {
	address string
	rate    atomic.Int64 // bytes a second that it reads of each connection; 0 is all
	hung    atomic.Bool  // it reads nothing
	refusal atomic.Pointer[rtmpd.StatusError]

	mu       sync.Mutex // guards what follows
	conns    []*sinkConn
	sessions []*intake
}

// intake is what came in one session.
type intake struct {
	path  string
	began time.Time

	mu  sync.Mutex // guards all
	all []arrival
}

// arrival is a message.
type arrival struct {
	mark
	marked bool
	kind   media.Kind // 0 is data
	key    bool
	stamp  uint32 // ms
	when   time.Time
	header bool // a sequence header
}

// serveSink serves until the test ends.
func serveSink(t *testing.T) *sink {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{address: ln.Addr().String()}
	server := rtmpd.NewServer(rtmpd.Config{Handler: s.publish, Limits: rtmpd.Limits{PerAddress: 1000}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(ctx, &sinkListener{ln, s}) }()
	t.Cleanup(func() { cancel(); s.restart(); <-done })
	return s
}

func (s *sink) publish(_ context.Context, p *rtmpd.Publisher) error {
	if r := s.refusal.Load(); r != nil {
		return r
	}
	in := &intake{path: p.Request().Path, began: time.Now()}
	s.mu.Lock()
	s.sessions = append(s.sessions, in)
	s.mu.Unlock()
	go func() {
		for {
			m, err := p.Recv(context.Background())
			if err != nil {
				return
			}
			in.add(m)
		}
	}()
	return nil
}

func (in *intake) add(m rtmpd.Message) {
	a := arrival{stamp: m.Timestamp, when: time.Now()}
	a.mark, a.marked = markIn(m.Payload)
	switch m.Type {
	case rtmpd.TypeVideo:
		a.kind, a.key, a.header = media.KindVideo, m.Payload[0]>>4 == 1, len(m.Payload) > 1 && m.Payload[1] == 0
	case rtmpd.TypeAudio:
		a.kind, a.header = media.KindAudio, len(m.Payload) > 1 && m.Payload[1] == 0
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.all = append(in.all, a)
}

// of are the frames of a kind that came.
func (in *intake) of(kind media.Kind) (all []arrival) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, a := range in.all {
		if a.kind == kind && a.marked {
			all = append(all, a)
		}
	}
	return all
}

// first are the first messages.
func (in *intake) first(n int) []arrival {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.all[:min(n, len(in.all))])
}

// last is the n-th session from the end.
func (s *sink) last(n int) *intake {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) < n {
		return nil
	}
	return s.sessions[len(s.sessions)-n]
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// restart breaks all connections off, as the end of the process would.
func (s *sink) restart() {
	s.mu.Lock()
	conns := s.conns
	s.conns = nil
	s.mu.Unlock()
	for _, c := range conns {
		_ = c.TCPConn.SetLinger(0)
		_ = c.Close()
	}
}

type sinkListener struct {
	net.Listener
	sink *sink
}

func (l *sinkListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn := &sinkConn{TCPConn: c.(*net.TCPConn), sink: l.sink, closed: make(chan struct{})}
	l.sink.mu.Lock()
	defer l.sink.mu.Unlock()
	l.sink.conns = append(l.sink.conns, conn)
	return conn, nil
}

// sinkConn reads as the sink says.
type sinkConn struct {
	*net.TCPConn
	sink   *sink
	due    time.Time // of the next read of a slow one
	once   sync.Once
	closed chan struct{}
}

// turn is how long a connection that hangs waits before it looks again.
const turn = 20 * time.Millisecond

func (c *sinkConn) Read(b []byte) (int, error) {
	for c.sink.hung.Load() {
		select {
		case <-time.After(turn):
		case <-c.closed:
			return 0, net.ErrClosed
		}
	}
	rate := c.sink.rate.Load()
	if rate == 0 {
		return c.TCPConn.Read(b)
	}
	select {
	case <-time.After(time.Until(c.due)):
	case <-c.closed:
		return 0, net.ErrClosed
	}
	const little = 8 << 10 // so that the window opens by little
	n, err := c.TCPConn.Read(b[:min(len(b), little)])
	if now := time.Now(); now.Sub(c.due) > turn {
		c.due = now
	}
	c.due = c.due.Add(time.Duration(n) * time.Second / time.Duration(rate))
	return n, err
}

func (c *sinkConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.TCPConn.Close()
}
