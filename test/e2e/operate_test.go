//go:build e2e

package e2e

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"weir/test/machine"
)

// operated is what operate.mjs saw.
type operated struct {
	Held                                    map[string][]string // by page: what it keeps asking for
	Errors, External, Violations, Axe, Wide []string
	Pwned                                   bool
	Steps                                   struct {
		Wizard *struct{ Wrong, Addresses []string }
		Graph  struct {
			Way, Labels     []string
			Inspector, Back string
			Sparks          int
			Closed          bool
		}
		Target   struct{ Platform, Refusal, Added string }
		Mixer    struct{ Label string }
		Settings struct {
			Offers, Diff []string
			Problem      string
		}
		Film float64
		Load struct {
			Tasks                               [][2]int // ms: when, and for how long
			Tiles, Full, Pictures, Edges, Nodes int
			Edge                                string // that is chosen
		}
	}
}

func operate(t *testing.T, url string, options ...string) (o operated) {
	t.Helper()
	words := append([]string{"operate.mjs", url}, options...)
	words = append(words, screenshots(t)...)
	cmd := exec.CommandContext(t.Context(), "node", words...)
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("operate.mjs: %v\n%s", err, log.String())
	}
	if err := json.Unmarshal(out, &o); err != nil {
		t.Fatal(err)
	}
	for what, list := range map[string][]string{
		"errors": o.Errors, "requests to other hosts": o.External, "policy violations": o.Violations, "findings of axe": o.Axe, "on a narrow page": o.Wide,
	} {
		if len(list) > 0 {
			t.Errorf("%s:\n%s", what, strings.Join(list, "\n"))
		}
	}
	if o.Pwned {
		t.Error("a text of a peer became markup")
	}
	return o
}

// Every page is accessible in light and dark, fits a phone, and keeps to its policy; what
// peers say is text. A page holds one connection while it is seen, and none while it is
// hidden: a browser has six for all its pages.
func TestOperatorPages(t *testing.T) {
	cores.Take(t, 0.5)
	_, url := newFake(t, 3, false)
	o := operate(t, url, "do=pages")
	for page, held := range o.Held {
		want := []string{"/v1/events"}
		if page == "hidden" {
			want = []string{}
		}
		if !slices.Equal(held, want) {
			t.Errorf("%s holds connections for %q", page, held)
		}
	}
	if len(o.Held) < 10 {
		t.Errorf("connections were counted of %d pages", len(o.Held))
	}
}

// Graph, targets, mixer, settings and the first run can be done by keyboard alone.
func TestOperatorKeys(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.5)
	f, url := newFake(t, 3, true)
	o := operate(t, url, "do=keys", "wizard=1")
	if w := o.Steps.Wizard; len(w.Wrong) == 0 || len(w.Addresses) != 2 || !strings.Contains(w.Addresses[0], ":1936/live/studio") || !strings.HasSuffix(w.Addresses[1], "/live/studio/whip") {
		t.Errorf("the wizard said %+v", w)
	}
	g := o.Steps.Graph
	if want := []string{"cam", "cam.out>mix.in", "mix"}; !slices.Equal(g.Way[:3], want) || slices.Contains(g.Way, "") {
		t.Errorf("the arrow keys led to %q", g.Way)
	}
	if g.Inspector == "" || g.Sparks < 3 || !g.Closed || g.Back == "" {
		t.Errorf("the inspector: %+v", g)
	}
	labels := strings.Join(g.Labels, "\n")
	for _, want := range []string{"30 fps · 5.8 Mb/s · q 40 ms", "stalled: nothing for 4 s", "✗ dropping"} {
		if !strings.Contains(labels, want) {
			t.Errorf("no edge says %q, but\n%s", want, labels)
		}
	}
	if s := o.Steps.Target; s.Platform != "twitch" || !strings.Contains(s.Refusal, hostile) || !strings.Contains(s.Added, hostile) {
		t.Errorf("the target: %+v", s)
	}
	const outputs = "/v1/streams/live%2Fstudio/outputs"
	if got := f.did("POST " + outputs); len(got) != 2 || got[1] != `{"persistent":true,"use":"outputs/rtmp","with":{"key":"right","preset":"twitch"}}` {
		t.Errorf("targets were added by %q", got)
	}
	if got := f.did("PATCH " + outputs + "/push-1"); !slices.Equal(got, []string{`{"with":{"key":"other"}}`}) {
		t.Errorf("the target was changed by %q", got)
	}
	for _, what := range []string{"POST " + outputs + "/push-1/stop", "DELETE " + outputs + "/push-1", "PUT /v1/config"} {
		if len(f.did(what)) != 1 {
			t.Errorf("%s was not asked once", what)
		}
	}
	said := strings.Join(f.did("POST /v1/streams/live%2Fstudio/stages/mix/control"), "\n")
	if !strings.Contains(said, `"scenes":{"two":{"boxes":[{"height":61,"input":"cam","width":60,"x":`) || !strings.Contains(said, `{"inputs":{"guest":{"mute":false}}}`) {
		t.Errorf("the mixer was told\n%s", said)
	}
	if s := o.Steps.Settings; !slices.Contains(s.Offers, "ingest/rtmp") || !strings.Contains(s.Problem, "Line 5") || !strings.Contains(s.Problem, hostile) || len(s.Diff) != 1 {
		t.Errorf("the settings: %+v", s)
	}
	if o.Steps.Film != 640 {
		t.Errorf("the recording's picture is %g wide", o.Steps.Film)
	}
}

// With 200 streams the overview draws what is in view, and a graph shows 2,000 edges. How
// long the page is busy at a time depends on the machine: on a quiet one docs/performance.md
// says.
func TestOperatorLoad(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.5)
	_, url := newFake(t, 200, false)
	for page, options := range map[string][]string{"#/": nil, "#/streams/live%2Fs010/graph": {"edges=2000"}} {
		l := operate(t, url, append(options, "do=load", "page="+page, "seconds=2")...).Steps.Load
		worst := 0
		for _, task := range l.Tasks {
			worst = max(worst, task[1])
		}
		t.Logf("FIGURE operator %s: %d tiles, %d of them drawn, %d pictures, %d edges, %d elements; %d tasks of more than 50 ms, the longest %d ms: %v",
			page, l.Tiles, l.Full, l.Pictures, l.Edges, l.Nodes, len(l.Tasks), worst, l.Tasks)
		if page != "#/" && (l.Edges != 2000 || !strings.HasPrefix(l.Edge, "n0-0 to n1-") || !strings.HasSuffix(l.Edge, ", flows")) {
			t.Errorf("%d edges, of which %q is chosen", l.Edges, l.Edge)
		}
		if page == "#/" && (l.Tiles != 200 || l.Full == 0 || l.Full > 100 || l.Pictures == 0) {
			t.Errorf("%d tiles, %d of them drawn, %d pictures", l.Tiles, l.Full, l.Pictures)
		}
	}
}
