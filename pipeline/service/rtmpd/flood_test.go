package rtmpd

import (
	"context"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// eventually polls for what another goroutine or the kernel does soon.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}

// descriptors counts the open file descriptors.
func descriptors(t testing.TB) int {
	t.Helper()
	ds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(ds)
}

// TestDrip (T1): 2,000 sockets that drip their handshakes keep nobody out, and
// leave nothing behind.
func TestDrip(t *testing.T) {
	const drips = 2000
	var rl syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &rl); err != nil || rl.Cur < 2*drips+100 {
		t.Skipf("%d descriptors are not enough: %v", rl.Cur, err)
	}
	in := make(inbox, 1)
	s, addr := start(t, Config{Handler: in.handle, Limits: Limits{Handshake: time.Second}})
	_ = call(t, addr).conn.Close() // so that all of the server runs
	eventually(t, "ready", func() bool { st := s.Stats(); return st.Accepted == 1 && st.Connections == 0 })
	fds, goroutines := descriptors(t), runtime.NumGoroutine()
	var conns []net.Conn
	for i := range drips {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i/50))}}
		c, err := d.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte{rtmpVersion})
		conns = append(conns, c)
	}
	stop := make(chan struct{})
	var dripping sync.WaitGroup
	dripping.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			for _, c := range conns {
				_, _ = c.Write([]byte{0})
			}
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	})
	begin := time.Now()
	c, err := Dial(t.Context(), "rtmp://"+addr+"/live/studio", DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begin); d > time.Second {
		t.Errorf("the honest publisher waited %v", d)
	} else {
		t.Logf("the honest publisher waited %v", d)
	}
	eventually(t, "all that drip are closed", func() bool { return s.Stats().Connections == 1 })
	close(stop)
	dripping.Wait()
	for _, c := range conns {
		_ = c.Close()
	}
	(<-in).Close(nil)
	_ = c.Close()
	eventually(t, "descriptors and goroutines back", func() bool {
		return descriptors(t) <= fds && runtime.NumGoroutine() <= goroutines
	})
	if st := s.Stats(); st.Refused[RefusedDisplaced]+st.Refused[RefusedHandshake] != drips || st.Accepted != drips+2 {
		t.Errorf("stats: %+v", st)
	}
}

func TestLimits(t *testing.T) {
	in := make(inbox, 10)
	s, addr := start(t, Config{Handler: in.handle, Limits: Limits{PerAddress: 2, Connections: 3, Pending: 2}})
	dial := func(from byte) net.Conn {
		c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 2, from)}}).Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	ended := func(c net.Conn) bool {
		_, err := c.Read(make([]byte, 1))
		return err != nil
	}
	a, _ := dial(1), dial(1)
	if !ended(dial(1)) {
		t.Error("third from one address")
	}
	eventually(t, "refused by address", func() bool { return s.Stats().Refused[RefusedAddress] == 1 })
	dial(2)
	if !ended(a) {
		t.Error("the oldest pending connection is not displaced")
	}
	eventually(t, "displaced", func() bool { st := s.Stats(); return st.Refused[RefusedDisplaced] == 1 && st.Connections == 2 })
	c, err := Dial(t.Context(), "rtmp://"+addr+"/live/studio", DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := <-in
	eventually(t, "one more displaced", func() bool { return s.Stats().Connections == 2 })
	c2, err := Dial(t.Context(), "rtmp://"+addr+"/live/other", DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p2 := <-in
	if !ended(dial(3)) {
		t.Error("more connections than allowed")
	}
	if st := s.Stats(); st.Refused[RefusedConnections] != 1 || st.Publishers != 2 || st.Connections != 3 {
		t.Errorf("stats: %+v", st)
	}
	p.Close(nil)
	p2.Close(nil)
	_, _ = c.Close(), c2.Close()
}

func TestNetwork(t *testing.T) {
	for in, want := range map[string]string{"192.0.2.7": "192.0.2.7/32", "2001:db8::1:2": "2001:db8::/64"} {
		if got := network(netip.MustParseAddr(in)).String(); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// failingListener fails to accept a number of times.
type failingListener struct {
	net.Listener
	left chan error
}

func (l *failingListener) Accept() (net.Conn, error) {
	select {
	case err := <-l.left:
		return nil, err
	default:
		return l.Listener.Accept()
	}
}

// TestAcceptErrors (R32): without descriptors accepting pauses, visibly, and goes
// on.
func TestAcceptErrors(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const failures = 5
	failing := &failingListener{ln, make(chan error, failures)}
	for range failures {
		failing.left <- &net.OpError{Op: "accept", Err: os.NewSyscallError("accept", syscall.EMFILE)}
	}
	in := make(inbox, 1)
	s := NewServer(Config{Handler: in.handle})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	begin := time.Now()
	go func() { served <- s.Serve(ctx, failing) }()
	eventually(t, "the pause shows", func() bool { return s.Stats().Paused })
	c, err := Dial(t.Context(), "rtmp://"+ln.Addr().String()+"/live/studio", DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begin); d < (5+10+20+40+80)*time.Millisecond {
		t.Errorf("accepted after %v: too soon for five pauses", d)
	}
	if st := s.Stats(); st.AcceptErrors != failures || st.Paused {
		t.Errorf("stats: %+v", st)
	}
	(<-in).Close(nil)
	_ = c.Close()
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestDescriptorsExhausted (R32): the same with a real limit, while a publisher
// is on the air.
func TestDescriptorsExhausted(t *testing.T) {
	in := make(inbox, 1)
	s, addr := start(t, Config{Handler: in.handle})
	c, err := Dial(t.Context(), "rtmp://"+addr+"/live/studio", DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := <-in
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Skip(err)
	}
	tight := old
	tight.Cur = uint64(descriptors(t) + 10)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &tight); err != nil {
		t.Skip(err)
	}
	defer func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old) }()
	var conns []net.Conn
	for range 30 {
		if c, err := net.Dial("tcp", addr); err == nil {
			conns = append(conns, c)
		}
	}
	eventually(t, "accepting pauses", func() bool { return s.Stats().Paused })
	for ts := range uint32(100) {
		if err := c.Write(Message{Type: TypeVideo, Timestamp: ts, Payload: make([]byte, 10_000)}); err != nil {
			t.Fatal(err)
		}
		if m, err := p.Recv(t.Context()); err != nil || m.Timestamp != ts {
			t.Fatalf("the publisher: %+v, %v", m, err)
		}
	}
	if n := s.Stats().AcceptErrors; n > 12 {
		t.Errorf("%d failures to accept: it spins", n)
	}
	for _, c := range conns {
		_ = c.Close()
	}
	eventually(t, "accepting goes on", func() bool { return !s.Stats().Paused && s.Stats().Connections == 1 })
	p.Close(nil)
	_ = c.Close()
}

// TestCycles: a thousand publishers, half of which fail half-way, leave nothing
// behind.
func TestCycles(t *testing.T) {
	in := make(inbox, 8)
	s, addr := start(t, Config{Handler: in.handle, Limits: Limits{PerAddress: 500}})
	var readers sync.WaitGroup
	readers.Go(func() {
		for p := range in {
			readers.Go(func() {
				for {
					if _, err := p.Recv(context.Background()); err != nil {
						p.Close(nil)
						return
					}
				}
			})
		}
	})
	cycle := func(i int) {
		if i%2 == 0 {
			c, err := Dial(context.Background(), "rtmp://"+addr+"/live/studio?key=K", DialOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			if err := c.Write(Message{Type: TypeVideo, Payload: make([]byte, 1000)}); err != nil {
				t.Error(err)
			}
			_ = c.Close()
			return
		}
		// The other half stops somewhere in the handshake, the commands or a
		// message, by closing or by a reset.
		wire := cat(make([]byte, 2*handshakeSize+1), publishing("live", "studio"), video(1, strings.Repeat("v", 500)))
		wire[0] = rtmpVersion
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = c.Write(wire[:i*len(wire)/1000])
		if i%4 == 1 {
			_ = c.(*net.TCPConn).SetLinger(0)
		}
		_ = c.Close()
	}
	for i := range 20 { // warm up
		cycle(i * 50)
	}
	eventually(t, "the warm-up is over", func() bool { return s.Stats().Connections == 0 })
	fds, goroutines := descriptors(t), runtime.NumGoroutine()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < 1000; i += 4 {
				cycle(i)
			}
		})
	}
	wg.Wait()
	eventually(t, "connections, descriptors and goroutines back", func() bool {
		return s.Stats().Connections == 0 && descriptors(t) <= fds && runtime.NumGoroutine() <= goroutines
	})
	close(in)
	readers.Wait()
	if st := s.Stats(); st.Panics != 0 || st.Accepted != 1020 {
		t.Errorf("stats: %+v", st)
	}
}
