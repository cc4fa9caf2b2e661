package rest_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"weir/control/rest"
)

// says is a Guard that has made up its mind.
type says struct {
	caller *rest.Caller
	err    error
}

func (s says) Identify(*http.Request) (*rest.Caller, error) { return s.caller, s.err }

func TestBehind(t *testing.T) {
	for _, c := range []struct {
		guard says
		want  int
	}{
		{says{caller: &rest.Caller{Scope: rest.Admin}}, http.StatusOK},
		{says{caller: &rest.Caller{Scope: rest.Configure}}, http.StatusForbidden},
		{says{caller: &rest.Caller{Scope: rest.Admin, Streams: []string{"live/*"}}}, http.StatusForbidden},
		{says{err: rest.Fail(http.StatusUnauthorized, "credentials_missing", "no")}, http.StatusUnauthorized},
		{says{err: errors.New("the disk is gone")}, http.StatusInternalServerError},
	} {
		reached := false
		h := rest.Behind(c.guard, rest.Admin, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/debug/pprof/", nil))
		if w.Code != c.want || reached != (c.want == http.StatusOK) {
			t.Errorf("%+v: %d, reached %v", c.guard, w.Code, reached)
		}
	}
}
