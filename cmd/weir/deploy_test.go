package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const deploy = "../../deploy"

// TestDeployedMetrics: dashboards and alerts name no metric that there is not, and the
// labels that they ask for are those that it has.
func TestDeployedMetrics(t *testing.T) {
	known := map[string]string{"le": ""}
	for line := range strings.Lines(metricsReference(idle(t).samples())) {
		if cells := strings.Split(line, "|"); strings.HasPrefix(line, "| `weir_") {
			known[strings.Trim(cells[1], " `")] = cells[3] + ", instance, job"
		}
	}
	files, err := filepath.Glob(deploy + "/*/*")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	name := regexp.MustCompile(`\b(weir_[a-z0-9_]+)(?:\{([^}]*)\})?`)
	label := regexp.MustCompile(`([a-z_]+)\s*[=!]~?\s*\\?"`)
	named := 0
	for _, file := range files {
		ext := filepath.Ext(file)
		if ext != ".json" && ext != ".yaml" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			named++
			metric := strings.TrimSuffix(m[1], "_bucket")
			labels, ok := known[metric]
			if !ok {
				t.Errorf("%s names %s, which is not in docs/reference/metrics.md", file, m[1])
				continue
			}
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				if l[1] != "le" && !strings.Contains(" "+labels, " "+l[1]) {
					t.Errorf("%s asks for %s of %s, which has%s", file, l[1], m[1], labels)
				}
			}
		}
	}
	if named < 100 {
		t.Errorf("only %d metrics are named: does this test look at the right files?", named)
	}
}

// TestDashboards: they are JSON, with panels that do not lie upon each other.
func TestDashboards(t *testing.T) {
	files, err := filepath.Glob(deploy + "/grafana/*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("%q, %v", files, err)
	}
	uids := make(map[string]string)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var board struct {
			UID, Title string
			Panels     []struct {
				ID      int
				Title   string
				GridPos struct{ X, Y, W, H int }
				Targets []struct{ Expr string }
			}
		}
		if err := json.Unmarshal(text, &board); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if other := uids[board.UID]; other != "" || board.UID == "" || board.Title == "" {
			t.Errorf("%s has the uid %q, as %q", file, board.UID, other)
		}
		uids[board.UID] = file
		taken := make(map[[2]int]string)
		for _, p := range board.Panels {
			if p.Title == "" || len(p.Targets) == 0 {
				t.Errorf("%s: panel %d shows nothing", file, p.ID)
			}
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
						t.Fatalf("%s: %q lies on %q at %d, %d", file, p.Title, other, x, y)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}

// TestAlerts: promtool finds the rules right, and they fire when they should. Each has a
// chapter in the runbooks.
func TestAlerts(t *testing.T) {
	rules, err := os.ReadFile(deploy + "/prometheus/weir.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(deploy + "/prometheus/weir.test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	runbooks, err := os.ReadFile("../../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts := regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(rules), -1)
	for _, a := range alerts {
		if !strings.Contains(string(runbooks), "\n## "+a[1]+"\n") {
			t.Errorf("%s has no runbook", a[1])
		}
		if !strings.Contains(string(rules), `runbook: "docs/runbooks.md#`+strings.ToLower(a[1])+`"`) {
			t.Errorf("%s does not say where its runbook is", a[1])
		}
		if !strings.Contains(string(tests), `alertname="`+a[1]+`"`) {
			t.Errorf("%s is not tested", a[1])
		}
	}
	if n := strings.Count(string(runbooks), "\n## "); n != len(alerts) {
		t.Errorf("%d runbooks for %d alerts", n, len(alerts))
	}

	path, err := exec.CommandContext(t.Context(), "../../scripts/promtool.sh").Output()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("promtool is missing: scripts/setup.sh test")
		}
		t.Skip("promtool is missing")
	}
	for _, args := range [][]string{{"check", "rules", "weir.rules.yaml"}, {"test", "rules", "weir.test.yaml"}} {
		cmd := exec.CommandContext(t.Context(), strings.TrimSpace(string(path)), args...)
		cmd.Dir = deploy + "/prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", args, err, out)
		}
	}
}

// TestUnit: systemd takes the unit as it is, and finds it tight.
func TestUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is missing")
	}
	text, err := os.ReadFile(deploy + "/systemd/weir.service")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "weir.service")
	text = []byte(strings.ReplaceAll(string(text), "/usr/local/bin/weir", "/bin/true")) // which is there
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold=30", file).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
