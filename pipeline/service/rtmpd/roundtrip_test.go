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
	"math/big"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"weir/test/machine"
)

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
	in := make(inbox, 1)
	s := NewServer(Config{Handler: in.handle})
	urls := map[bool]string{
		false: "rtmp://" + listen(t, s.Serve),
		true:  "rtmps://" + listen(t, func(ctx context.Context, ln net.Listener) error { return s.ServeTLS(ctx, ln, serverTLS) }),
	}
	for secure, url := range urls {
		for _, size := range []int{1, 128, 4096, 65536} {
			t.Run(fmt.Sprintf("secure=%v/chunk=%d", secure, size), func(t *testing.T) {
				roundTrip(t, url+"/live/studio?key=K", DialOptions{TLS: clientTLS, ChunkSize: size}, in, secure)
			})
		}
	}
}

// TestPace: nothing is lost at any pace, nor when it changes.
func TestPace(t *testing.T) {
	in := make(inbox, 1)
	s := NewServer(Config{Handler: in.handle})
	c, err := Dial(t.Context(), "rtmp://"+listen(t, s.Serve)+"/live/studio?key=K", DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := <-in
	const rounds = 20
	sent := make(chan error, 1)
	go func() {
		for i := range uint32(rounds) {
			if err := c.Write(Message{Type: TypeVideo, Timestamp: i, Payload: make([]byte, 1+50_000*(i%3))}); err != nil {
				sent <- err
				return
			}
		}
		sent <- c.Close()
	}()
	for i := range uint32(rounds) {
		p.Pace([]time.Duration{0, 10 * time.Millisecond, time.Hour, time.Nanosecond}[i%4])
		m, err := p.Recv(t.Context())
		if err != nil || m.Timestamp != i || len(m.Payload) != int(1+50_000*(i%3)) {
			t.Fatalf("message %d: number %d of %d bytes, %v", i, m.Timestamp, len(m.Payload), err)
		}
	}
	if _, err := p.Recv(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func roundTrip(t *testing.T, url string, o DialOptions, in inbox, secure bool) {
	t.Helper()
	c, err := Dial(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	p := <-in
	if p.Request().Secure != secure {
		t.Error("Secure is wrong")
	}
	// A reader that leaves and comes back breaks nothing, not even under TLS.
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
		if _, err := p.Recv(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Recv without a message: %v", err)
		}
		cancel()
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
	machine.Long(t)
	bin, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	in := make(inbox, 1)
	s, addr := start(t, Config{Handler: in.handle})
	serverTLS, _ := certificate(t)
	secure := listen(t, func(ctx context.Context, ln net.Listener) error { return s.ServeTLS(ctx, ln, serverTLS) })
	tests := []struct{ name, url, playpath string }{
		{"one URL", "rtmp://" + addr + "/live/studio?key=K", ""},
		{"server and key, as in OBS", "rtmp://" + addr + "/live/", "studio?key=K"},
		{"RTMPS", "rtmps://" + secure + "/live/studio?key=K", ""},
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
