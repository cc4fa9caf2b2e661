//go:build e2e

package access

import (
	"net/http"
	"slices"
	"testing"

	"weir/pipeline/access"
)

// TestNothingShown is who shows nothing, and who comes from an address that may not.
func TestNothingShown(t *testing.T) {
	t.Parallel()
	s, r := begin(t, newIssuer(t))
	bare := paper{kind: "nothing", form: nothing}
	for _, o := range origins() {
		for _, e := range entries() {
			if e.method == "" && len(o.name) > len("this machine") {
				continue
			}
			want := outcome(access.Missing)
			switch {
			case e.method == "":
				want = refused
			case e.action == access.Play && o.local:
				want = in
			case o.unknown:
				want = e.want(bare, o)
			}
			if e.place == "path" { // its address without a token means nothing
				continue
			}
			if got := s.try(t, e, bare, o); got != want {
				t.Errorf("%s from %s with nothing: %s, want %s", e.protocol, o.name, got, want)
			}
		}
	}
	denied := origin{"an address that is denied", false, false, func(int) (string, string, http.Header) {
		return knownProxy, loopback, http.Header{"X-Forwarded-For": {"203.0.113.7"}}
	}}
	for _, e := range entries() {
		for _, p := range r.papers {
			if e.method == "" || p.state != right || !slices.Contains(e.forms, p.form) {
				continue
			}
			if got := s.try(t, e, p, denied); got != outcome(access.Forbidden) && got != "address_denied" && got != nowhere {
				t.Errorf("%s from %s with %s: %s", e.protocol, denied.name, p.kind, got)
			}
		}
	}
	// Pages are for everybody; what they show they ask for.
	for _, path := range []string{"/", "/setup", "/show/a", "/web/a/publish", "/v1/openapi.json", "/livez"} {
		reply := s.ask(t, client(anew("198.51.100", 1), s.trust), http.MethodGet, path, nil, "")
		if reply.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, reply.Status)
		}
	}
}
