package httpd

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// Whoever follows requests is told what became of them, a panic too.
func TestFollow(t *testing.T) {
	got := 0
	s := New(Config{Follow: func(r *http.Request) (*http.Request, func(int)) {
		if r.Method == http.MethodGet {
			return r, nil
		}
		r = r.Clone(r.Context())
		r.Header.Set("Followed", "yes")
		return r, func(status int) { got = status }
	}})
	s.Handle("/made", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Followed") == "" {
			t.Error("not the request that is followed")
		}
		w.WriteHeader(http.StatusCreated)
	}))
	s.Handle("/silent", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Handle("/panic", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("on purpose") })) //nolint:forbidigo // what is tested
	for path, want := range map[string]int{"/made": 201, "/silent": 200, "/panic": 500, "/nothing": 404} {
		got = 0
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, path, nil))
		if got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	got = 0
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	if got != 0 {
		t.Error("a request is followed that should not be")
	}
}
