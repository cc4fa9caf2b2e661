package main

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// lasting is a certificate that ends when it says.
type lasting struct{ at time.Time }

func (l lasting) TLS() *tls.Config              { return nil }
func (l lasting) Expires() (string, time.Time)  { return "live.example.net", l.at }
func (l lasting) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func ask(s *server, url string) (int, string) {
	w := httptest.NewRecorder()
	s.services.http.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
	return w.Code, w.Body.String()
}

// TestHealth: a server starts, is ready, and says that it drains as soon as it does.
func TestHealth(t *testing.T) {
	s := idle(t)
	if code, _ := ask(s, "/startupz"); code != http.StatusServiceUnavailable {
		t.Errorf("before the configuration: %d", code)
	}
	if err := s.apply(nil); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"/startupz", "/readyz", "/livez"} {
		if code, body := ask(s, url); code != http.StatusOK {
			t.Errorf("%s: %d %s", url, code, body)
		}
	}
	s.cert = lasting{time.Now().Add(5 * 24 * time.Hour)}
	code, body := ask(s, "/readyz?verbose")
	if code != http.StatusOK || !strings.Contains(body, "note: the certificate for live.example.net ends in 4 days: renew it") {
		t.Errorf("%d %s", code, body)
	}
	if err := s.host.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, body := ask(s, "/readyz?verbose"); code != http.StatusServiceUnavailable || !strings.Contains(body, "streams: the server is about to stop") {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := ask(s, "/livez"); code != http.StatusOK {
		t.Errorf("a draining server is alive: %d", code)
	}
}

func TestCertificateNote(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for left, want := range map[time.Duration]string{
		15 * 24 * time.Hour: "", 13 * 24 * time.Hour: "ends in 13 days", -time.Hour: "has ended",
	} {
		got := certificateNote(lasting{now.Add(left)}, now)
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%v before its end: %q", left, got)
		}
	}
	if got := certificateNote(lasting{}, now); !strings.Contains(got, "no certificate for live.example.net yet") {
		t.Error(got)
	}
	if got := certificateNote(nil, now); got != "" {
		t.Error(got)
	}
}
