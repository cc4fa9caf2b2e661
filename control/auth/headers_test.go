package auth

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHeaders(t *testing.T) {
	w := httptest.NewRecorder()
	Headers(open(t, nil).api).ServeHTTP(w, call{method: "GET", url: "/session"}.request())
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "WWW-Authenticate": `Bearer realm="weir"`,
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if w.Code != http.StatusUnauthorized {
		t.Error(w.Code)
	}
}
