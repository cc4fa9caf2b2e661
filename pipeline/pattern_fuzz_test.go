package pipeline_test

import (
	"path"
	"strings"
	"testing"

	"weir/pipeline"
)

// FuzzPath: whatever is accepted as a path stays inside the tree that it names and
// means the same everywhere.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"live/studio", "live/{name}", "../etc", "live//x", "a/b/c/d/e", "live/..", "%2e%2e/x", "live/\x00", "ü", "live/.x", "{a}/{a}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if pipeline.ValidPath(s) == nil {
			switch {
			case path.Clean("/"+s) != "/"+s, strings.HasPrefix(s, "/"), strings.ContainsAny(s, "\\%?#:\x00 \n"):
				t.Errorf("%q is no safe path", s)
			case len(s) > 4*65:
				t.Errorf("%q is too long", s)
			}
			p, err := pipeline.ParsePattern(s)
			if err != nil || !p.Static() {
				t.Errorf("%q is a path and no pattern: %v", s, err)
			}
			if _, ok := p.Match(s); !ok {
				t.Errorf("%q does not match itself", s)
			}
		}
		p, err := pipeline.ParsePattern(s)
		if err != nil {
			return
		}
		if p.String() != s || len(p.Vars()) > 4 || p.Static() != (len(p.Vars()) == 0) {
			t.Errorf("%q: %q with %v", s, p, p.Vars())
		}
	})
}
