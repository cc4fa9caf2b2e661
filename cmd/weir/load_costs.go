package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"weir/cmd/load"
)

// spell is what the server needed in a span of time.
type spell struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"`
}

// costs are what a server needs for a load. Without a process only time is noted.
type costs struct {
	Joining spell `json:"joining"`
	Steady  spell `json:"steady"`
	// Memory is what the server holds beyond what it held before, in bytes, at the end
	// of the load.
	Memory int64 `json:"memory_bytes"`

	process load.Process
	span    span
	failure error
	at      time.Time
	cpu     time.Duration
	memory  int64
	phase   *spell // that lasts; nil after the end
}

var errPid = errors.New("--pid: only a process of this machine can be measured, on Linux")

func (c *costs) begin() error {
	c.at, c.phase = time.Now(), &c.Joining
	if c.process == 0 {
		return nil
	}
	var err, also error
	c.memory, err = c.process.Memory()
	c.cpu, also = c.process.CPU()
	if err = errors.Join(err, also); err != nil {
		return errors.Join(errPid, err)
	}
	return nil
}

// steady says that all of the load is there.
func (c *costs) steady() {
	c.lap()
	c.phase = &c.Steady
	if c.span.began != nil {
		c.span.began()
	}
}

// end says that the load is about to go, or is gone.
func (c *costs) end() {
	if c.phase == nil {
		return
	}
	c.lap()
	c.phase = nil
	if c.span.ended != nil {
		c.span.ended()
	}
	if c.process != 0 {
		memory, err := c.process.Memory()
		c.Memory, c.failure = memory-c.memory, errors.Join(c.failure, err)
	}
}

// lap adds what has passed to the phase that lasts.
func (c *costs) lap() {
	now := time.Now()
	c.phase.Seconds += now.Sub(c.at).Seconds()
	c.at = now
	if c.process != 0 {
		cpu, err := c.process.CPU()
		c.phase.CPU += (cpu - c.cpu).Seconds()
		c.cpu, c.failure = cpu, errors.Join(c.failure, err)
	}
}

func (c *costs) table(w io.Writer) {
	fmt.Fprintf(w, "server's CPU\t%.1f %% of a core", 100*(c.Joining.CPU+c.Steady.CPU)/max(1e-9, c.Joining.Seconds+c.Steady.Seconds))
	if c.Steady.Seconds > 0 {
		fmt.Fprintf(w, ", %.1f %% with all", 100*c.Steady.CPU/c.Steady.Seconds)
	}
	fmt.Fprintf(w, "\nserver's memory\t%+.1f MiB\n", float64(c.Memory)/(1<<20))
}

// progress is a line that is overwritten, on a terminal; elsewhere nothing is shown.
type progress struct {
	w   io.Writer
	any bool
}

func newProgress(w io.Writer) *progress {
	if f, ok := w.(*os.File); !ok || !terminal(f) {
		return &progress{}
	}
	return &progress{w: w}
}

func (p *progress) line(text string) {
	if p.w != nil {
		fmt.Fprintf(p.w, "\r\x1b[K%s", text)
		p.any = true
	}
}

func (p *progress) end() {
	if p.any {
		fmt.Fprintln(p.w)
	}
}
