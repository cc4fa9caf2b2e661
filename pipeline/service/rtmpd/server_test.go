package rtmpd

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
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
	if st := s.Stats(); st.Refused[RefusedDisplaced]+st.Refused[RefusedHandshake] != drips || st.Accepted != drips+1 {
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

// certificate makes a self-signed certificate for 127.0.0.1.
func certificate(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
}

// TestRoundTrip: client to server over TCP and TLS, at all chunk sizes.
func TestRoundTrip(t *testing.T) {
	serverTLS, clientTLS := certificate(t)
	for _, secure := range []bool{false, true} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		in := make(inbox, 1)
		s := NewServer(Config{Handler: in.handle})
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		url := "rtmp://" + ln.Addr().String() + "/live/studio?key=K"
		if secure {
			url = "rtmps" + strings.TrimPrefix(url, "rtmp")
			go func() { served <- s.ServeTLS(ctx, ln, serverTLS) }()
		} else {
			go func() { served <- s.Serve(ctx, ln) }()
		}
		for _, size := range []int{1, 128, 4096, 65536} {
			t.Run(fmt.Sprintf("secure=%v/chunk=%d", secure, size), func(t *testing.T) {
				roundTrip(t, url, DialOptions{TLS: clientTLS, ChunkSize: size}, in, secure)
			})
		}
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

func roundTrip(t *testing.T, url string, o DialOptions, in inbox, secure bool) {
	c, err := Dial(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	p := <-in
	if p.Request().Secure != secure {
		t.Error("Secure is wrong")
	}
	lengths := []int{1, 127, 128, 129, 4096, 70_000, 300_000}
	go func() {
		for i, n := range lengths {
			for _, typ := range []uint8{TypeVideo, TypeAudio} {
				if err := c.Write(Message{Type: typ, Timestamp: uint32(i), Payload: []byte(strings.Repeat(string(rune('a'+i)), n%(256<<10)))}); err != nil {
					t.Error(err)
				}
			}
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	for i, n := range lengths {
		for _, typ := range []uint8{TypeVideo, TypeAudio} {
			m, err := p.Recv(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if m.Type != typ || m.Timestamp != uint32(i) || string(m.Payload) != strings.Repeat(string(rune('a'+i)), n%(256<<10)) {
				t.Errorf("message %d: type %d at %d, %d bytes", i, m.Type, m.Timestamp, len(m.Payload))
			}
		}
	}
	if _, err := p.Recv(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	<-c.Done()
}

// TestFFmpeg publishes with the real thing, in both forms of address.
func TestFFmpeg(t *testing.T) {
	bin, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	in := make(inbox, 1)
	s, addr := start(t, Config{Handler: in.handle})
	tests := []struct{ name, url, playpath string }{
		{"one URL", "rtmp://" + addr + "/live/studio?key=K", ""},
		{"server and key, as in OBS", "rtmp://" + addr + "/live/", "studio?key=K"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := []string{
				"-v", "error", "-f", "lavfi", "-i", "testsrc=size=160x90:rate=30", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "2",
				"-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-f", "flv",
			}
			if tt.playpath != "" {
				args = append(args, "-rtmp_playpath", tt.playpath)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, bin, append(args, tt.url)...)
			var words syncBuffer
			cmd.Stderr = &words
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			count := map[uint8]int{}
			p := <-in
			for {
				m, err := p.Recv(ctx)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				count[m.Type]++
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v: %s", err, words.String())
			}
			// 60 pictures, the sequence header, the end of sequence; 94 or 95 AAC
			// frames and the header; onMetaData.
			if count[TypeVideo] != 62 || count[TypeAudio] < 95 || count[TypeData] < 1 {
				t.Errorf("messages: %v; %s", count, words.String())
			}
			if r := p.Request(); r.Path != "live/studio" || !r.Key.Equal("K") {
				t.Errorf("request: %+v", r)
			}
		})
	}
	if st := s.Stats(); st.Panics != 0 || st.Refused[RefusedProtocol] != 0 {
		t.Errorf("stats: %+v", st)
	}
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
