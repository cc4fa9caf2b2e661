package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// Config is what a Keeper is made from.
type Config struct {
	// Domains are the names to have certificates for.
	Domains []string
	// Email is for the authority to write to; may be "".
	Email string
	// CA is the URL of the authority's directory; "" is Let's Encrypt.
	CA string
	// Storage is the directory of keys and certificates. It must be writable.
	Storage string
	// Listen is the address of the HTTPS listener, host:port.
	Listen string
	// Roots are what the authority's own certificate is checked by; nil are the system's.
	Roots *x509.CertPool
	// Log is where it says what it does; nil discards.
	Log *slog.Logger

	check time.Duration // between looks at what is due; 0 is certmagic's default
}

// Keeper has a certificate for each of its domains, once there is one. Use [New].
type Keeper struct {
	domains []string
	cache   *certmagic.Cache
	magic   *certmagic.Config
}

// New makes a Keeper that does nothing until Run. It fails if the storage cannot be
// written to.
func New(c Config) (*Keeper, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(c.Storage, 0o700); err != nil {
		return nil, fmt.Errorf("prepare the storage of certificates: %w", err)
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("address of the HTTPS listener: %w", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("port of the HTTPS listener: %w", err)
	}
	log := zap.New(&core{log: c.Log})
	k := &Keeper{domains: c.Domains}
	k.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return k.magic, nil },
		RenewCheckInterval: c.check,
		Logger:             log,
	})
	k.magic = certmagic.New(k.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: c.Storage},
		Logger:  log,
		OCSP:    certmagic.OCSPConfig{DisableStapling: true}, // authorities have ended OCSP
	})
	issuer := certmagic.ACMEIssuer{
		CA: c.CA, Email: c.Email, Agreed: true, TrustedRoots: c.Roots, Logger: log,
		DisableHTTPChallenge: true, ListenHost: host, AltTLSALPNPort: number,
	}
	if c.CA == "" {
		issuer.CA, issuer.TestCA = certmagic.LetsEncryptProductionCA, certmagic.LetsEncryptStagingCA
	}
	k.magic.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(k.magic, issuer)}
	return k, nil
}

// TLS is a configuration for servers that use the certificates: TLS 1.2 and up. The
// HTTPS listener must use it, because that is where the authority checks.
func (k *Keeper) TLS() *tls.Config {
	c := k.magic.TLSConfig()
	c.MinVersion = tls.VersionTLS12
	c.NextProtos = append([]string{"h2", "http/1.1"}, c.NextProtos...)
	return c
}

// Run takes up the certificates in the storage, asks for those that are missing, and
// renews them in time, until ctx ends. The HTTPS listener must be served meanwhile.
func (k *Keeper) Run(ctx context.Context) error {
	defer k.cache.Stop()
	if err := k.magic.ManageAsync(ctx, k.domains); err != nil {
		return fmt.Errorf("manage certificates: %w", err)
	}
	<-ctx.Done()
	return nil
}

// Expires is when the first of the certificates ends, and for which domain; the zero time
// if there is none for it yet.
func (k *Keeper) Expires() (domain string, at time.Time) {
	for _, d := range k.domains {
		var newest time.Time
		for _, c := range k.cache.AllMatchingCertificates(d) {
			if c.Leaf != nil && c.Leaf.NotAfter.After(newest) {
				newest = c.Leaf.NotAfter
			}
		}
		if newest.IsZero() {
			return d, newest
		}
		if at.IsZero() || newest.Before(at) {
			domain, at = d, newest
		}
	}
	return domain, at
}
