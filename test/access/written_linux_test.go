//go:build e2e

package access

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"weir/pipeline/access"
)

// TestWrittenOtherwise is a path that is written otherwise: the same stream or another one,
// and never a way around.
func TestWrittenOtherwise(t *testing.T) {
	t.Parallel()
	s, _ := begin(t, newIssuer(t))
	admin := s.admin(t)
	for _, e := range entries() {
		if e.place != "bearer" && e.place != "?key=" || e.action == reads || e.action == admins || e.protocol == "HLS segments" {
			continue
		}
		folder, name := "show", "a"
		if e.action == access.Publish {
			folder, name = map[bool]string{true: "live", false: "web"}[e.method == ""], e.protocol+"x"
		}
		var token string
		if e.action == access.Publish {
			token = made(t, s.ask(t, client(elsewhere, s.trust), http.MethodPost, "/v1/keys", admin, fmt.Sprintf(`{"stream":%q,"name":"obs"}`, folder+"/"+name))).Secret
		} else {
			token = made(t, s.ask(t, client(elsewhere, s.trust), http.MethodPost, "/v1/tokens", admin, fmt.Sprintf(`{"name":"one","scopes":["play"],"streams":[%q]}`, folder+"/"+name))).Secret
		}
		swapped := strings.ToLower(name)
		if swapped == name {
			swapped = strings.ToUpper(name)
		}
		for path, lets := range map[string]bool{
			folder + "/" + name:                                            true,
			folder + "/" + disguised(name):                                 e.method != "",
			folder + "/" + swapped:                                         false,
			strings.ToUpper(folder) + "/" + name:                           false,
			folder + "/" + strings.ReplaceAll(disguised(name), "%", "%25"): false,
			folder + "/b/../" + name:                                       false,
			folder + "/b%2f..%2f" + name:                                   false,
			folder + "/./" + name:                                          false,
			folder + "/" + name + "%00":                                    false,
			folder + "/" + name + ";x":                                     false,
			folder + "/" + name + "%20":                                    false,
			folder + "/b":                                                  false,
		} {
			n := int(knocks.Add(1))
			if got := s.tryAt(t, e, paper{text: token}, origins()[1], n, path); (got == in) != lets {
				t.Errorf("%s at %s: %s", e.protocol, path, got)
			}
		}
	}
}
