package httpd

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// onLoopback runs s on a real socket until the test ends.
func onLoopback(t *testing.T, s *Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return ln.Addr().String()
}

// A file goes out whole and in ranges, over the kernel's own way where there is one.
func TestServeFile(t *testing.T) {
	content := make([]byte, 1<<20+7)
	_, _ = rand.Read(content)
	name := filepath.Join(t.TempDir(), "seg.m4s")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s := New(Config{})
	s.Handle("/seg", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) }))
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	url := "http://" + onLoopback(t, s) + "/seg"
	for rng, want := range map[string][]byte{"": content, "bytes=65530-200000": content[65530:200001], "bytes=-5": content[len(content)-5:]} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if rng != "" {
			req.Header.Set("Range", rng)
		}
		res, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("range %q: %d bytes, want %d: %v", rng, len(got), len(want), err)
		}
	}
}

// writePair makes a certificate with that serial number.
func writePair(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"weir"}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCertificateSwap(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if _, err := LoadCertificate(certFile, keyFile, nil); err == nil {
		t.Fatal("loaded from nothing")
	}
	writePair(t, certFile, keyFile, 1)
	var log bytes.Buffer
	cert, err := LoadCertificate(certFile, keyFile, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{TLS: cert.TLS()})
	s.Handle("/livez", fixed("ok"))
	addr := onLoopback(t, s)

	ask := func() (serial int64, proto string) {
		t.Helper()
		tr := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the test's own
		defer tr.CloseIdleConnections()
		res, err := (&http.Client{Transport: tr}).Get("https://" + addr + "/livez")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.TLS.PeerCertificates[0].SerialNumber.Int64(), res.Proto
	}
	// due makes the files look changed, however coarse the file system's clock is,
	// and the next handshake look at them.
	tick := time.Now()
	due := func() {
		tick = tick.Add(time.Second)
		if err := os.Chtimes(certFile, tick, tick); err != nil {
			t.Fatal(err)
		}
		cert.checking.Lock()
		cert.checked = time.Time{}
		cert.checking.Unlock()
	}
	if serial, proto := ask(); serial != 1 || proto != "HTTP/2.0" {
		t.Errorf("serial %d over %s", serial, proto)
	}
	writePair(t, certFile, keyFile, 2)
	due()
	if serial, _ := ask(); serial != 2 {
		t.Errorf("serial %d after the change", serial)
	}
	if err := os.WriteFile(certFile, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	due()
	if serial, _ := ask(); serial != 2 {
		t.Errorf("serial %d after a bad change", serial)
	}
	if !bytes.Contains(log.Bytes(), []byte("the old one stays")) {
		t.Errorf("log: %s", log.Bytes())
	}
	writePair(t, certFile, keyFile, 3)
	due()
	if serial, _ := ask(); serial != 3 {
		t.Errorf("serial %d after the repair", serial)
	}
}

// The flow control of HTTP/2 must not let a stuck peer hold a handler for ever.
func TestStuckStream(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePair(t, certFile, keyFile, 1)
	cert, err := LoadCertificate(certFile, keyFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{TLS: cert.TLS(), Limits: Limits{Stall: 200 * time.Millisecond, MinRate: 1 << 20}})
	ended := make(chan error, 1)
	s.Handle("/seg", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write(make([]byte, 64<<20))
		ended <- err
	}))
	tr := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the test's own
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr}).Get("https://" + onLoopback(t, s) + "/seg")
	if err == nil { // a busy machine may be cut off before it has seen the header
		defer res.Body.Close() // and nothing is read
	}
	if err := <-ended; err == nil {
		t.Error("64 MiB went to a peer that reads nothing")
	}
}
