//go:build e2e

package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// usage is what the server's process holds at a moment.
type usage struct {
	fds, goroutines int
	rss, heap       int64 // bytes; heap is what is in use by the runtime
}

func (u usage) String() string {
	return fmt.Sprintf("fds=%d goroutines=%d rss=%.1fMB heap=%.1fMB", u.fds, u.goroutines, mb(u.rss), mb(u.heap))
}

func mb(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// usage looks at the process.
func (s *server) usage() usage {
	s.t.Helper()
	return usage{
		fds: s.fds(), rss: s.rss(),
		goroutines: int(s.metric("go_goroutines")), heap: int64(s.metric("go_memstats_heap_inuse_bytes")),
	}
}

func (s *server) proc(name string) string {
	return filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), name)
}

// fds is how many descriptors the process has open.
func (s *server) fds() int {
	s.t.Helper()
	entries, err := os.ReadDir(s.proc("fd"))
	if err != nil {
		s.t.Fatal(err)
	}
	return len(entries)
}

// rss is the memory that the process holds, in bytes.
func (s *server) rss() int64 {
	s.t.Helper()
	return s.rssOf(s.cmd.Process.Pid)
}

// rssOf is rss of another process.
func (s *server) rssOf(pid int) int64 {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kb int64
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		s.t.Fatal(err)
	}
	return kb << 10
}

// cpu is the time that the process has spent computing.
func (s *server) cpu() time.Duration {
	s.t.Helper()
	text, err := os.ReadFile(s.proc("stat"))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	const user, system = 11, 12 // proc(5) counts them as 14 and 15
	var ticks int64
	for _, i := range []int{user, system} {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			s.t.Fatal(err)
		}
		ticks += n
	}
	const perSecond = 100 // USER_HZ
	return time.Duration(ticks) * time.Second / perSecond
}

// metric is the sum of the series with that name and those labels, as in
// `weir_rtmp_refused_total{reason="slow"}`.
func (s *server) metric(name string, labels ...string) float64 {
	s.t.Helper()
	_, text := s.get("/metrics")
	return sumMetric(text, name, labels...)
}

func sumMetric(text, name string, labels ...string) float64 {
	var sum float64
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, name+"{") && !strings.HasPrefix(line, name+" ") || !holdsAll(line, labels) {
			continue
		}
		f := strings.Fields(line)
		if v, err := strconv.ParseFloat(f[len(f)-1], 64); err == nil {
			sum += v
		}
	}
	return sum
}

// settles waits until the process holds as little as it did, give or take, and
// returns what it holds.
func (s *server) settles(within time.Duration, before usage) usage {
	s.t.Helper()
	const slack = 5
	now := s.usage()
	for end := time.Now().Add(within); time.Now().Before(end); now = s.usage() {
		if now.fds <= before.fds+slack && now.goroutines <= before.goroutines+slack {
			return now
		}
		pause(s.t, 200*time.Millisecond)
	}
	s.t.Errorf("after %v the process has %v; before it had %v", within, now, before)
	return now
}

// live is how many bytes of heap are reachable. It makes the process collect its
// garbage twice, by having it make some.
func (s *server) live() int64 {
	s.t.Helper()
	collections := func(text string) float64 { return sumMetric(text, "go_gc_duration_seconds_count") }
	_, text := s.get("/metrics")
	for first := collections(text); collections(text) < first+2; {
		if _, text = s.get("/metrics"); text == "" {
			s.t.Fatal("there are no metrics")
		}
	}
	return int64(sumMetric(text, "go_memstats_heap_alloc_bytes"))
}

// figure logs a measurement for the score board.
func figure(t testing.TB, id, format string, args ...any) {
	t.Helper()
	t.Logf("FIGURE %s %s", id, fmt.Sprintf(format, args...))
}
