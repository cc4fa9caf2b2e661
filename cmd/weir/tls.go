package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"weir/control"
	"weir/pipeline/config"
	"weir/pipeline/service/acme"
	"weir/pipeline/service/httpd"
)

// certificate is what the TLS listeners show: files, or what is got by ACME.
type certificate interface {
	TLS() *tls.Config
	// Expires is when it ends, or the first of several does; the zero time says that
	// there is none yet.
	Expires() (name string, at time.Time)
	// Run keeps it current until ctx ends.
	Run(ctx context.Context) error
}

// newCertificate is nil if the listeners do not speak TLS.
func newCertificate(settings config.Server, log *slog.Logger) (certificate, error) {
	t := settings.TLS
	switch {
	case t.Cert != "":
		c, err := httpd.LoadCertificate(t.Cert, t.Key, log)
		if err != nil {
			return nil, fmt.Errorf("read the certificate: %w", err)
		}
		return c, nil
	case t.On():
		c, err := acme.New(acme.Config{
			Domains: t.Auto.Domains, Email: t.Auto.Email, CA: t.Auto.CA, Storage: t.Auto.Storage,
			Listen: settings.HTTP.Listen, Log: log.With("service", "acme"),
		})
		if err != nil {
			return nil, fmt.Errorf("get certificates automatically: %w\nhelp: let weir write to server.tls.auto.storage", err)
		}
		return c, nil
	default:
		return nil, nil
	}
}

// withoutALPN is for protocols that have no name in it.
func withoutALPN(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.NextProtos = nil
	return c
}

// endsSoon is how long before its end a certificate is worth a word. What renews itself
// does so a month before.
const endsSoon = 14 * 24 * time.Hour

// certificateNote says in words that a certificate is about to end; "" if it is not.
func certificateNote(c certificate, now time.Time) string {
	if c == nil {
		return ""
	}
	name, at := c.Expires()
	left := at.Sub(now)
	switch {
	case at.IsZero():
		return fmt.Sprintf("there is no certificate for %s yet: its port 443 must lead here", name)
	case left <= 0:
		return fmt.Sprintf("the certificate for %s has ended at %s: renew it", name, at.UTC().Format(time.RFC3339))
	case left < endsSoon:
		return fmt.Sprintf("the certificate for %s ends in %d days: renew it", name, int(left.Hours()/24))
	default:
		return ""
	}
}

// keepCertificate keeps the certificate current, and says twice a day when it is not.
func (s *server) keepCertificate(ctx context.Context) error {
	if s.cert == nil {
		return nil
	}
	go func() {
		tick := time.NewTicker(12 * time.Hour)
		defer tick.Stop()
		for {
			if note := certificateNote(s.cert, time.Now()); note != "" {
				s.log.Warn(note)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return s.cert.Run(ctx)
}

// expiry is when the certificate ends, for the metrics.
func (s *server) expiry() []control.Sample {
	if s.cert == nil {
		return nil
	}
	_, at := s.cert.Expires()
	if at.IsZero() {
		return nil
	}
	return []control.Sample{{Name: "certificate_expiry_timestamp_seconds", Help: "When the TLS certificate ends, in seconds since 1970; the first one of several.", Figure: float64(at.Unix())}}
}
