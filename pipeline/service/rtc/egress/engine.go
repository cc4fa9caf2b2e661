package egress

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"time"
)

// Engine is one ICE-lite endpoint for all viewers. Its methods may be called from
// any goroutine.
type Engine struct {
	limits      Limits
	log         *slog.Logger
	certificate tls.Certificate
	fingerprint string
	start       time.Time // from which the engine's own clock counts

	registry registry
	joins    joins
}

// New makes an engine. It fails only if the certificate is of no use.
func New(c Config) (*Engine, error) {
	e := &Engine{limits: c.Limits.orDefaults(), log: c.Log, certificate: c.Certificate, start: time.Now()}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if len(e.certificate.Certificate) == 0 {
		var err error
		if e.certificate, err = newCertificate(); err != nil {
			return nil, fmt.Errorf("egress: certificate: %w", err)
		}
	}
	if key, ok := e.certificate.PrivateKey.(*ecdsa.PrivateKey); !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("egress: certificate: not an ECDSA P-256 key")
	}
	e.fingerprint = "sha-256 " + colonHex(sha256.Sum256(e.certificate.Certificate[0]))
	e.registry.init(e.limits)
	return e, nil
}

// newCertificate makes a self-signed certificate, as WebRTC uses them: nobody looks
// at anything but its fingerprint.
func newCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "weir"},
		NotBefore:    now.AddDate(0, 0, -1),
		NotAfter:     now.AddDate(10, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// sweepEvery is how exactly time limits of sessions are kept.
const sweepEvery = 500 * time.Millisecond

// Run ends sessions that have run out of time, until ctx is cancelled; then it
// closes all sessions, waits for handshakes and TCP connections to end, and returns
// nil. Called once.
func (e *Engine) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			e.close()
			return nil
		case <-tick.C:
			now := e.now()
			for _, s := range e.registry.all() {
				s.expire(now)
			}
		}
	}
}

func (e *Engine) close() {
	e.registry.close()
	for _, s := range e.registry.all() {
		s.end(ByOwner)
	}
	e.registry.working.Wait()
}

// now is the engine's clock: monotonic, and no pointer.
func (e *Engine) now() time.Duration { return time.Since(e.start) }

// Fingerprint is the value of the a=fingerprint line: "sha-256 0A:1B:…".
func (e *Engine) Fingerprint() string { return e.fingerprint }

// Owns says whether ufrag is that of a session here.
func (e *Engine) Owns(ufrag string) bool { return e.registry.byUfrag([]byte(ufrag)) != nil }

// Sessions is the number of sessions that are live, and of those that are not yet.
func (e *Engine) Sessions() (live, halfOpen int) { return e.registry.count() }
