//go:build e2e

package access

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"weir/pipeline/access"
)

// TestIdentities tries every credential in every state at every door by the real policy,
// from everywhere.
func TestIdentities(t *testing.T) {
	t.Parallel()
	s, r := begin(t, newIssuer(t))
	hooked := r.hooked(t)
	said := make(map[[2]string]map[string]bool)
	tried := 0
	for _, o := range origins() {
		for _, e := range entries() {
			if e.method == "" && len(o.name) > len("this machine") {
				continue // RTMP has no proxies
			}
			for _, p := range append(slices.Clone(r.papers), hooked.papers...) {
				if !slices.Contains(e.forms, p.form) || e.place == "cookie" && p.form == linked && p.piece == "" {
					continue
				}
				// All states from here and from elsewhere; what is right from everywhere.
				if o.name != "this machine" && o.name != "elsewhere" && p.state != right {
					continue
				}
				at, want := s, e.want(p, o)
				if strings.HasPrefix(p.kind, "hook") {
					at = hooked.server
				}
				if o.name != "this machine" && o.name != "elsewhere" && (want != in || at != s) && !o.unknown || o.unknown && at != s {
					continue // who comes from one address again and again must not guess
				}
				tried++
				got := at.try(t, e, p, o)
				if e.place == "cookie" && e.method == http.MethodPost && strings.HasPrefix(o.name, "a page") {
					want = outcome(access.Missing) // it is not the page's own
				}
				if e.method == "" && got == nowhere {
					got = refused // a text that is too long for RTMP
				}
				if got != want {
					t.Errorf("%s by %s, from %s, with %s that is %s: %s, want %s", e.protocol, e.place, o.name, p.kind, p.state, got, want)
				}
				if o.name == "elsewhere" && p.state == right && got == in {
					cell := [2]string{e.protocol, p.kind}
					if said[cell] == nil {
						said[cell] = make(map[string]bool)
					}
					place := strings.TrimSuffix(e.place, ", in disguise")
					if p.form == linked && e.place != "cookie" {
						place = "query"
					}
					said[cell][place] = true
				}
			}
		}
	}
	t.Logf("%d attempts", tried)
	table(t, said, append(r.papers, hooked.papers...))
}
