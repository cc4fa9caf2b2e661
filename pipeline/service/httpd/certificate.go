package httpd

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Certificate is a TLS certificate in two PEM files that may be replaced while
// the server runs. Use [LoadCertificate].
type Certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	current atomic.Pointer[tls.Certificate]

	checking sync.Mutex // guards what follows
	checked  time.Time
	seen     [2]fileState
}

// fileState tells one content of a file from another.
type fileState struct {
	size    int64
	changed time.Time
}

// recheck is how often the files are looked at, at most.
const recheck = time.Second

// LoadCertificate reads a certificate chain and its key. Unlike later changes,
// what is wrong at first is an error.
func LoadCertificate(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, log: log}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.checked, c.seen = time.Now(), c.look()
	if err := c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

// TLS is a configuration for servers that use the certificate: TLS 1.2 and up.
func (c *Certificate) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// Expires is the certificate's first name, and when it ends.
func (c *Certificate) Expires() (name string, at time.Time) {
	leaf := c.current.Load().Leaf
	if leaf == nil {
		return c.certFile, time.Time{}
	}
	if len(leaf.DNSNames) > 0 {
		return leaf.DNSNames[0], leaf.NotAfter
	}
	return c.certFile, leaf.NotAfter
}

// Run looks at the files now and then even if nobody connects, until ctx ends.
func (c *Certificate) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_, _ = c.get(nil)
		case <-ctx.Done():
			return nil
		}
	}
}

// get is called for every handshake. It looks at the files now and then; if they
// have changed to something that cannot be used, what was loaded stays in use.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c.checking.TryLock() {
		defer c.checking.Unlock()
		c.refresh()
	}
	return c.current.Load(), nil
}

func (c *Certificate) refresh() {
	now := time.Now()
	if now.Sub(c.checked) < recheck {
		return
	}
	c.checked = now
	seen := c.look()
	if seen == c.seen {
		return
	}
	c.seen = seen
	if err := c.load(); err != nil {
		c.log.Warn("the new certificate cannot be used, the old one stays", "error", err)
		return
	}
	c.log.Info("certificate reloaded", "file", c.certFile)
}

func (c *Certificate) look() [2]fileState {
	var s [2]fileState
	for i, name := range []string{c.certFile, c.keyFile} {
		if fi, err := os.Stat(name); err == nil {
			s[i] = fileState{fi.Size(), fi.ModTime()}
		}
	}
	return s
}

func (c *Certificate) load() error {
	cert, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("load certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	c.current.Store(&cert)
	return nil
}
