package worker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/pipeline/stagetest"
	"weir/transcode/wire"
	"weir/transcode/worker"
	"weir/transcode/worker/workertest"
)

// roomy is an address space that the race detector is content with.
const roomy = 1 << 46

// feed puts a movie at its pace, over and over, until the test ends.
func feed(t *testing.T, s *worker.Session) (stop func()) {
	t.Helper()
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		set := stagetest.Both()
		s.SetTracks(set)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		began := time.Now()
		for _, it := range stagetest.Movie(set, time.Minute) {
			u, ok := it.(*media.Unit)
			if !ok {
				continue
			}
			for time.Since(began) < u.Time() {
				select {
				case <-tick.C:
				case <-over:
					return
				}
			}
			live := *u
			live.Arrived = time.Now()
			s.Put(&live)
		}
	}()
	return func() { close(over); <-ended }
}

// process starts a session with real processes.
func process(t *testing.T, cfg worker.Config, stage string) (*worker.Session, *sink, <-chan error) {
	t.Helper()
	cfg.Path = workertest.Program(t)
	sink := &sink{}
	s := worker.NewHost(cfg).NewSession(job(stage), 0.1, sink, slog.New(slog.NewTextHandler(t.Output(), nil)))
	ctx, cancel := context.WithCancel(t.Context())
	ended, over := make(chan error, 1), make(chan struct{})
	go func() { defer close(over); ended <- s.Run(ctx) }()
	stop := feed(t, s)
	t.Cleanup(func() { stop(); cancel(); <-over })
	return s, sink, ended
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.units)
}

// A worker that is killed, or stopped, is replaced in time.
func TestSignals(t *testing.T) {
	for signal, most := range map[syscall.Signal]time.Duration{syscall.SIGKILL: time.Second, syscall.SIGSTOP: 4 * time.Second} {
		for _, confine := range []bool{false, true} {
			t.Run(fmt.Sprint(signal, " ", confine), func(t *testing.T) {
				t.Parallel()
				s, sink, ended := process(t, worker.Config{Confine: confine, Memory: roomy}, "live/x/y")
				workertest.Until(t, "the first output", func() bool { return sink.count() > 10 })
				first := s.Status().PID
				began := time.Now()
				if err := syscall.Kill(first, signal); err != nil {
					t.Fatal(err)
				}
				workertest.Until(t, "another worker", func() bool { pid := s.Status().PID; return pid != 0 && pid != first })
				n := sink.count()
				workertest.Until(t, "more output", func() bool { return sink.count() > n })
				if d := time.Since(began); d > most {
					t.Errorf("it took %v", d)
				} else {
					t.Logf("it took %v", d)
				}
				workertest.Until(t, "the end of the first", func() bool { return syscall.Kill(first, 0) != nil })
				s.End()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A worker that takes too much memory dies of it, and nobody else.
func TestMemory(t *testing.T) {
	for _, confine := range []bool{false, true} {
		s, _, _ := process(t, worker.Config{Memory: 2 << 30, Confine: confine}, "live/x/y!eat")
		workertest.Until(t, "its end", func() bool { return s.Status().Falls > 0 })
	}
}

// What a worker may do.
func TestWalls(t *testing.T) {
	s, sink, _ := process(t, worker.Config{Confine: true, Memory: roomy}, "live/x/y")
	workertest.Until(t, "the first output", func() bool { return sink.count() > 0 })
	proc := filepath.Join("/proc", strconv.Itoa(s.Status().PID))
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(proc, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for name, wants := range map[string][]string{
		"status": {"NoNewPrivs:\t1", "Seccomp:\t2"},
		"limits": {"Max core file size        0  ", "Max address space         70368744177664 "},
	} {
		for _, want := range wants {
			if text := read(name); !strings.Contains(text, want) {
				t.Errorf("%s has no %q:\n%s", name, want, text)
			}
		}
	}
	// The comm field may have blanks, but not a bracket after the last one.
	stat := read("stat")
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if nice := fields[19-3]; nice != "5" {
		t.Errorf("its niceness is %s", nice)
	}
	if score := strings.TrimSpace(read("oom_score_adj")); score != "1000" {
		t.Errorf("where memory is short it is chosen by %s", score)
	}
	if os.Geteuid() == 0 && !strings.Contains(read("status"), "Uid:\t65534\t65534") {
		t.Errorf("it is somebody:\n%s", read("status"))
	}
	if env := read("environ"); strings.Contains(env, "PATH=") {
		t.Errorf("it inherits %q", env)
	}
	ours, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err := os.Readlink(filepath.Join(proc, "ns/net")); err == nil {
		t.Logf("network %s, ours %s", theirs, ours)
	}
}

// What is missing, unfit or too much is said in words.
func TestWords(t *testing.T) {
	set := stagetest.Both()
	for name, c := range map[string]struct {
		cfg   worker.Config
		cores float64
		want  string
	}{
		"missing": {worker.Config{Path: filepath.Join(t.TempDir(), "nothing")}, 0.1, "correct server.transcode.worker"},
		"unfit":   {worker.Config{Path: "/bin/true"}, 0.1, "says something else than a weir-av does"},
		"budget":  {worker.Config{Path: workertest.Program(t), Cores: 0.5}, 0.7, "it would take about 0.7 cores, and 0 of the 0.5 in server.transcode.cpu are taken"},
	} {
		sink := &sink{}
		s := worker.NewHost(c.cfg).NewSession(job("live/x/y"), c.cores, sink, quiet())
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { defer close(over); _ = s.Run(ctx) }()
		s.SetTracks(set)
		for _, it := range stagetest.Movie(set, time.Second) {
			if u, ok := it.(*media.Unit); ok {
				s.Put(u)
			}
		}
		workertest.Until(t, "the refusal", func() bool { return s.Status().Why != "" })
		if why := s.Status().Why; !strings.Contains(why, c.want) {
			t.Errorf("%s: %q, want %q", name, why, c.want)
		}
		cancel()
		<-over
	}
	_, err := worker.NewHost(worker.Config{Path: "/nothing"}).Capabilities(t.Context())
	if !errors.Is(err, worker.ErrMissing) {
		t.Error(err)
	}
	h := workertest.Host(t, worker.Config{})
	j := job("x")
	if err := h.Fits(t.Context(), j); err != nil {
		t.Error(err)
	}
	j.Video.Codec = wire.Codec(media.CodecAV1)
	if err := h.Fits(t.Context(), j); err == nil || !strings.Contains(err.Error(), "without an encoder for AV1") {
		t.Error(err)
	}
}
