package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// Program is the name of the worker's program.
const Program = "weir-av"

// Config says how workers are run.
type Config struct {
	// Path is the program; "" looks for weir-av beside the running one, then in PATH.
	Path string
	// Cores is how many cores' time all jobs together may take, as far as that can be
	// estimated; 0 is as many as there are.
	Cores float64
	// Memory bounds the address space of each worker in bytes; 0 is 4 GiB.
	Memory int64
	// Confine starts workers through the running program, whose main must begin with
	// Confine. Without it a worker has fewer walls around it.
	Confine bool
	Log     *slog.Logger
}

// defaultMemory is an address space that Go and libav are content with. They use a
// small part of it.
const defaultMemory = 4 << 30

// Host knows the worker's program and the budget. Its methods may be called from any
// goroutine.
type Host struct {
	cfg   Config
	begin launch

	mu       sync.Mutex // guards what follows
	known    *wire.Capabilities
	used     float64
	jobs     int
	falls    uint64
	refusals uint64
}

// NewHost makes a Host. It starts nothing.
func NewHost(cfg Config) *Host {
	if cfg.Cores <= 0 {
		cfg.Cores = float64(runtime.NumCPU())
	}
	if cfg.Memory <= 0 {
		cfg.Memory = defaultMemory
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	h := &Host{cfg: cfg}
	h.begin = h.start
	return h
}

// ErrMissing says that there is no weir-av. Capabilities and every session return it.
var ErrMissing = errors.New("the program " + Program + " that transcodes is not here")

// find is the path of the program.
func (h *Host) find() (string, error) {
	if h.cfg.Path != "" {
		if _, err := exec.LookPath(h.cfg.Path); err != nil {
			return "", fmt.Errorf("%w: %w; correct server.transcode.worker, or leave it out", ErrMissing, err)
		}
		return filepath.Abs(h.cfg.Path) //nolint:wrapcheck // only a lost working directory fails
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), Program)
		if _, err := exec.LookPath(beside); err == nil {
			return beside, nil
		}
	}
	path, err := exec.LookPath(Program)
	if err != nil {
		return "", fmt.Errorf("%w: it is neither beside weir nor in PATH; run `make build`, or set server.transcode.worker to where it is", ErrMissing)
	}
	return filepath.Abs(path) //nolint:wrapcheck // likewise
}

// askPatience is how long the program may take to say what it can do.
const askPatience = 10 * time.Second

// Capabilities asks the program what it can do, once. The error is in words for the
// user.
func (h *Host) Capabilities(ctx context.Context) (wire.Capabilities, error) {
	h.mu.Lock()
	known := h.known
	h.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	path, err := h.find()
	if err != nil {
		return wire.Capabilities{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env = environment()
	var words tail
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		return wire.Capabilities{}, fmt.Errorf("%s does not run: %w: %s", path, err, words.String())
	}
	var c wire.Capabilities
	if err := json.Unmarshal(out, &c); err != nil {
		return wire.Capabilities{}, fmt.Errorf("%s --version says something else than a %s does: %w", path, Program, err)
	}
	if c.Protocol != wire.Version {
		return wire.Capabilities{}, fmt.Errorf("%s speaks version %d of the protocol and weir version %d: take both from one release", path, c.Protocol, wire.Version)
	}
	h.mu.Lock()
	h.known = &c
	h.mu.Unlock()
	return c, nil
}

// Fits says in words why the program cannot do a job; nil if it can.
func (h *Host) Fits(ctx context.Context, job wire.Job) error {
	c, err := h.Capabilities(ctx)
	if err != nil {
		return err
	}
	var lacking []string
	if job.Audio != nil && !slices.Contains(c.Encoders, job.Audio.Codec) {
		lacking = append(lacking, media.Codec(job.Audio.Codec).String())
	}
	if job.Video != nil && !slices.Contains(c.Encoders, job.Video.Codec) {
		lacking = append(lacking, media.Codec(job.Video.Codec).String())
	}
	if len(lacking) > 0 {
		return fmt.Errorf("this %s was built without an encoder for %s: build it with `make build`", Program, strings.Join(lacking, " and "))
	}
	return nil
}

// refusal says that a job does not fit the budget.
type refusal struct{ need, used, budget float64 }

// Error implements error.
func (r *refusal) Error() string {
	return fmt.Sprintf("it would take about %.2g cores, and %.2g of the %.3g in server.transcode.cpu are taken: "+
		"raise it, or ask for fewer or smaller layers", r.need, r.used, r.budget)
}

// slack is what part of the budget an estimate may be wrong by.
const slack = 1.02

// admit takes cores out of the budget.
func (h *Host) admit(cores float64) (release func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.used+cores > h.cfg.Cores*slack {
		h.refusals++
		return nil, &refusal{cores, h.used, h.cfg.Cores}
	}
	h.jobs++
	h.used += cores
	return sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.jobs--
		h.used = max(0, h.used-cores)
	}), nil
}

func (h *Host) fell() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.falls++
}

// Stats say what goes on.
type Stats struct {
	Jobs     int     // that have a place in the budget
	Cores    float64 // that they are estimated to take
	Budget   float64 // in cores
	Falls    uint64  // workers that ended before they were told to
	Refusals uint64  // jobs for which there was no place
}

// Stats is a snapshot of the host's counters.
func (h *Host) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Stats{Jobs: h.jobs, Cores: h.used, Budget: h.cfg.Cores, Falls: h.falls, Refusals: h.refusals}
}
