package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"weir/pipeline/service/httpd"
)

// site is an HTTPS server with certificates of an authority.
type site struct {
	*Keeper
	address string
	stop    func()
}

func serve(t *testing.T, a *authority, storage string) *site {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.mu.Lock()
	a.listener = ln.Addr().String()
	a.mu.Unlock()
	m, err := New(Config{
		Domains: []string{"weir.example.net"}, CA: a.URL, Storage: storage, Listen: a.listener, Roots: a.roots(),
		check: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httpd.New(httpd.Config{TLS: m.TLS()})
	server.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{}, 2)
	go func() { _ = server.Serve(ctx, ln); ended <- struct{}{} }()
	go func() { _ = m.Run(ctx); ended <- struct{}{} }()
	stop := func() {
		cancel()
		<-ended
		<-ended
	}
	s := &site{Keeper: m, address: a.listener, stop: stop}
	return s
}

// until waits for a condition that another goroutine brings about.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1500 {
		if is() {
			return
		}
		<-tick.C
	}
	t.Fatalf("%s: not within 30 s", what)
}

// serial is that of the certificate in force; "" if there is none.
func (s *site) serial(a *authority) string {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	c, err := tls.Dial("tcp", s.address, &tls.Config{ServerName: "weir.example.net", RootCAs: pool})
	if err != nil {
		return ""
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// A certificate that is about to end is replaced, and who is connected does not notice.
func TestRotation(t *testing.T) {
	a := newAuthority(t)
	a.lives = []time.Duration{10 * time.Minute, 24 * time.Hour} // the first is due at once
	s := serve(t, a, t.TempDir())
	defer s.stop()
	until(t, "the first certificate", func() bool { return s.serial(a) != "" })

	var dials atomic.Int64
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{ServerName: "weir.example.net", RootCAs: pool}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			dials.Add(1)
			return new(net.Dialer).DialContext(ctx, network, s.address)
		},
	}
	defer transport.CloseIdleConnections()
	get := func() {
		res, err := (&http.Client{Transport: transport}).Get("https://weir.example.net/")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.ProtoMajor != 2 {
			t.Errorf("%s, %v", res.Proto, err)
		}
	}
	get()
	until(t, "the second certificate", func() bool { return s.serial(a) == "3" })
	get()
	if dials := dials.Load(); dials != 1 {
		t.Errorf("%d connections: the session did not survive", dials)
	}
	if _, at := s.Expires(); time.Until(at) < time.Hour {
		t.Errorf("ends at %v", at)
	}
}

// While the authority is down, a server that has a certificate starts with it, and one that
// has none gets it as soon as it can.
func TestAuthorityDown(t *testing.T) {
	a := newAuthority(t)
	storage := t.TempDir()
	first := serve(t, a, storage)
	until(t, "the certificate", func() bool { return first.serial(a) != "" })
	first.stop()

	a.setDown(true)
	again := serve(t, a, storage)
	until(t, "the stored certificate", func() bool { return again.serial(a) == "2" })
	again.stop()
	if n := a.count(); n != 1 {
		t.Errorf("%d certificates were issued", n)
	}

	without := serve(t, a, t.TempDir())
	defer without.stop()
	if domain, at := without.Expires(); domain != "weir.example.net" || !at.IsZero() {
		t.Errorf("%s ends at %v, and there is none", domain, at)
	}
	if s := without.serial(a); s != "" {
		t.Errorf("certificate %s", s)
	}
}

func TestStorage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Domains: []string{"a.example"}, Storage: filepath.Join(file, "tls"), Listen: ":443"}); err == nil {
		t.Error("a file is no storage")
	}
}
