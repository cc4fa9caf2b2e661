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

func TestBoundPatterns(t *testing.T) {
	parse := func(s string) pipeline.Pattern {
		p, err := pipeline.ParsePattern(s)
		if err != nil {
			t.Fatal(s, err)
		}
		return p
	}
	p := parse("live/{name}/{cam}").Bind("live/studio/two")
	if p.String() != "live/{name=studio}/{cam=two}" || parse(p.String()).String() != p.String() || p.Template().String() != "live/{name}/{cam}" {
		t.Error(p)
	}
	if path, ok := p.Path(); path != "live/studio/two" || !ok || p.Static() {
		t.Error(path, ok)
	}
	if _, ok := parse("live/{name=a}/{cam}").Path(); ok {
		t.Error("a free variable has one path only")
	}
	vars, ok := p.Match("live/studio/two")
	if !ok || vars["name"] != "studio" || vars["cam"] != "two" {
		t.Error(vars, ok)
	}
	if _, ok := p.Match("live/studio/one"); ok {
		t.Error("it matches another path")
	}
	order := []string{"live/a", "live/{name=a}", "live/{name}"}
	for i := range len(order) - 1 {
		if parse(order[i]).Compare(parse(order[i+1])) >= 0 || parse(order[i+1]).Compare(parse(order[i])) <= 0 {
			t.Errorf("%s is not before %s", order[i], order[i+1])
		}
	}
	for _, bad := range []string{"live/{name=}", "live/{name=a b}", "live/{name=..}", "live/{a=x}/{a=y}", "live/{name=a=b}"} {
		if _, err := pipeline.ParsePattern(bad); err == nil {
			t.Errorf("%s is a pattern", bad)
		}
	}
	if got := parse("other/{name}").Bind("live/studio"); got.String() != "" {
		t.Error("it binds what it does not match:", got)
	}
}
