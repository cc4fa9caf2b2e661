//go:build e2e

package access

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"weir/control/auth/book"
)

// binaryVariable names the server to test; it is built if nobody has set it.
const binaryVariable = "WEIR_BINARY"

// server is a weir that runs with a configuration of its own, in a directory of its own.
type server struct {
	house
	dir    string
	config string // the file
	webrtc string // further settings of that section
	output *output
	run    *exec.Cmd
	// clients are those that have come, by their addresses.
	clients map[string]*http.Client
}

// client comes from an address, by a connection that stays.
func (s *server) client(from string) *http.Client {
	if s.clients == nil {
		s.clients = make(map[string]*http.Client)
	}
	if s.clients[from] == nil {
		s.clients[from] = client(from, s.trust)
		s.clients[from].Transport.(*http.Transport).DisableKeepAlives = false
	}
	return s.clients[from]
}

// output is what a server has said so far.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string { return o.since(0) }

func (o *output) since(at int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text.Bytes()[at:])
}

// Len is how much it has said.
func (o *output) Len() int { return len(o.since(0)) }

// hup has the server read its file again.
func (s *server) hup(t *testing.T) {
	t.Helper()
	if err := s.run.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// state is where a server keeps its users, tokens and keys.
func (s *server) state() string { return filepath.Join(s.dir, "weir.access.json") }

// build makes the server's program once for all tests.
func build(dir string) error {
	if os.Getenv(binaryVariable) != "" {
		return nil
	}
	binary := filepath.Join(dir, "weir")
	if out, err := exec.Command("go", "build", "-o", binary, "weir/cmd/weir").CombinedOutput(); err != nil {
		return fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return os.Setenv(binaryVariable, binary)
}

// ports are given to servers one by one: the namespace is the tests' own, and what connects
// has higher ones.
var ports atomic.Int32

// freePort is one that nobody listens to.
func freePort(t *testing.T) string {
	t.Helper()
	n := ports.Add(1)
	if n > 10_000 {
		t.Fatal("there are no ports left")
	}
	return strconv.Itoa(20_000 + int(n))
}

// prepare makes the directory of a server, with a certificate and with a book.
func prepare(t *testing.T, b func(*book.Book)) *server {
	t.Helper()
	s := &server{dir: t.TempDir()}
	s.config = filepath.Join(s.dir, "weir.yaml")
	serving, trust := certificate(t)
	s.trust = trust
	s.keep(t, "cert.pem", "CERTIFICATE", serving.Certificates[0].Certificate[0])
	der, err := x509.MarshalECPrivateKey(serving.Certificates[0].PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	s.keep(t, "key.pem", "EC PRIVATE KEY", der)
	store, err := book.Open(s.state())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Update(func(x *book.Book) error { b(x); return nil }); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) keep(t *testing.T, name, kind string, der []byte) {
	t.Helper()
	s.write(t, name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func (s *server) write(t *testing.T, name string, text []byte) string {
	t.Helper()
	name = filepath.Join(s.dir, name)
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// start runs the server with this under server.access, and with pipelines; it ends with
// the test.
func (s *server) start(t *testing.T, settings, pipelines string, env ...string) {
	t.Helper()
	s.rtmp, s.rtmps, s.http = freePort(t), freePort(t), freePort(t)
	media := freePort(t)
	files, err := filepath.Abs("../../testdata/media")
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`server:
  http: {listen: ":%s"}
  rtmp: {listen: ":%s"}
  rtmps: {listen: ":%s"}
  webrtc: {udp: ":%s", tcp: ":%s", %s}
  files: %q
%s%s`, s.http, s.rtmp, s.rtmps, media, media, s.webrtc, files, settings, pipelines)
	s.write(t, "weir.yaml", []byte(text))
	cmd := exec.Command(os.Getenv(binaryVariable), "run", s.config)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), env...)
	s.output = new(output)
	s.run = cmd
	cmd.Stdout, cmd.Stderr = s.output, s.output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		for _, c := range s.clients {
			c.CloseIdleConnections()
		}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-exited:
			if err != nil {
				t.Errorf("the server ended with %v", err)
			}
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			<-exited
			t.Error("the server did not end within 20 s of SIGTERM")
		}
		if t.Failed() {
			t.Logf("the server said:\n%s", s.output)
		}
	})
	eventually(t, "the server is ready", func() bool {
		select {
		case err := <-exited:
			exited <- err
			t.Fatalf("the server ended: %v\n%s", err, s.output)
		default:
		}
		res, err := client(loopback, s.trust).Get("https://" + loopback + ":" + s.http + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// eventually waits for a condition that nothing tells of.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline, tick := time.After(20*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// client comes from an address of this machine.
func client(from string, trust *tls.Config) *http.Client {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	return &http.Client{
		Timeout:       30 * time.Second,
		Transport:     &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true, TLSClientConfig: trust},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
