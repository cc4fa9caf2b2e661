package httpd

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// RFC 6797: never without TLS; and not on loopback, see local.
func TestStrictTransport(t *testing.T) {
	s := New(Config{})
	for _, c := range []struct {
		tls  bool
		at   string
		want bool
	}{
		{true, "192.0.2.1", true}, {true, "2001:db8::1", true}, {false, "192.0.2.1", false}, {true, "127.0.0.1", false}, {true, "::1", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/nothing", nil)
		if c.tls {
			r.TLS = new(tls.ConnectionState)
		}
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.ParseIP(c.at)}))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if got := w.Header().Get("Strict-Transport-Security") != ""; got != c.want {
			t.Errorf("TLS %v at %s: %v", c.tls, c.at, got)
		}
	}
}
