package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"weir/pipeline/media"
)

// A layer is wanted as long as anybody consumes it: who says nothing takes all.
func TestLayerHints(t *testing.T) {
	m, whep, hls, other := newMerger(), &Input{}, &Input{}, &Input{}
	hint := func(from *Input, wanted bool) func() {
		return func() { m.ask(from, media.LayerHint{Track: "video", Layer: 1, Wanted: wanted}) }
	}
	for _, step := range []struct {
		what string
		do   func()
		want string
	}{
		{"the first consumer", func() { m.join(whep) }, ""},
		{"wants it, as was supposed", hint(whep, true), ""},
		{"does not want it", hint(whep, false), "false"},
		{"says so again", hint(whep, false), ""},
		{"one comes who takes all", func() { m.join(hls) }, "true"},
		{"the first one wants it again", hint(whep, true), ""},
		{"and not again", hint(whep, false), ""},
		{"a third comes", func() { m.join(other) }, ""},
		{"and does not want it", hint(other, false), ""},
		{"who takes all leaves", func() { m.leave(hls) }, "false"},
		{"the third wants it", hint(other, true), "true"},
		{"and leaves", func() { m.leave(other) }, "false"},
		{"the last one leaves", func() { m.leave(whep) }, ""},
		{"a run later", func() { m.join(whep) }, "true"},
	} {
		step.do()
		var got []string
		for len(m.out) > 0 {
			f, ok := (<-m.out).(media.LayerHint)
			if !ok || f.Track != "video" || f.Layer != 1 {
				t.Fatalf("%s: %+v", step.what, f)
			}
			got = append(got, fmt.Sprint(f.Wanted))
		}
		if s := strings.Join(got, ", "); s != step.want {
			t.Errorf("%s: the source hears %q, not %q", step.what, s, step.want)
		}
	}
}
