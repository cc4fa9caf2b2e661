package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/pipeline/config"
)

// idle is a server that listens on this machine alone and is never run.
func idle(t *testing.T) *server {
	t.Helper()
	settings := config.DefaultServer()
	settings.HTTP.Listen, settings.RTMP.Listen = "127.0.0.1:0", "127.0.0.1:0"
	settings.WebRTC.UDP, settings.WebRTC.TCP = "127.0.0.1:0", ""
	s, err := newServer(settings, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.cert = lasting{time.Now().Add(time.Hour)} // to have its figures
	t.Cleanup(s.close)
	return s
}

// TestMetricsReference: the page is what the source says.
func TestMetricsReference(t *testing.T) {
	const page = "../../docs/reference/metrics.md"
	want := metricsReference(idle(t).samples())
	if *update {
		if err := os.MkdirAll(filepath.Dir(page), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil || string(got) != want {
		t.Errorf("%s is not current: go test ./cmd/weir -run TestMetricsReference -update (%v)", page, err)
	}
}

// TestMetricNames: names are in base units, and all that counts says so.
func TestMetricNames(t *testing.T) {
	for line := range strings.Lines(metricsReference(idle(t).samples())) {
		if !strings.HasPrefix(line, "| `weir_") {
			continue
		}
		cells := strings.Split(line, "|")
		name, kind := strings.Trim(cells[1], " `"), strings.TrimSpace(cells[2])
		if strings.HasSuffix(name, "_total") != (kind == "counter") {
			t.Errorf("%s is a %s", name, kind)
		}
		for _, unit := range []string{"_ms", "_milliseconds", "_kb", "_percent", "_minutes"} {
			if strings.Contains(name, unit) {
				t.Errorf("%s is not in base units", name)
			}
		}
		if help := strings.TrimSpace(cells[4]); !strings.HasSuffix(help, ".") {
			t.Errorf("%s: %q is no sentence", name, help)
		}
	}
}
