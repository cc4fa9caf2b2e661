package rest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

// says is a Guard that has made up its mind.
type says struct {
	caller *Caller
	err    error
}

func (s says) Identify(*http.Request) (*Caller, error) { return s.caller, s.err }

func TestBehind(t *testing.T) {
	for _, c := range []struct {
		guard says
		want  int
	}{
		{says{caller: &Caller{Scope: Admin}}, http.StatusOK},
		{says{caller: &Caller{Scope: Configure}}, http.StatusForbidden},
		{says{caller: &Caller{Scope: Admin, Streams: []string{"live/*"}}}, http.StatusForbidden},
		{says{err: Fail(http.StatusUnauthorized, "credentials_missing", "no")}, http.StatusUnauthorized},
		{says{err: errors.New("the disk is gone")}, http.StatusInternalServerError},
	} {
		reached := false
		h := Behind(c.guard, Admin, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/debug/pprof/", nil))
		if w.Code != c.want || reached != (c.want == http.StatusOK) {
			t.Errorf("%+v: %d, reached %v", c.guard, w.Code, reached)
		}
	}
}
