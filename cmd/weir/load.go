package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"weir/cmd/load"
)

// What a load may be at most, so that a slip of the finger is none.
const (
	maxLoad     = 10_000
	maxLoadTime = 24 * time.Hour
)

// loading is what all kinds of load have in common.
type loading struct {
	count    int
	duration time.Duration
	pid      int
	remote   bool
	format   *word
}

func newLoadCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Make load, to find out what a server takes",
		Long: "Publish and watch in bulk, and count what comes: with it the project is measured, and a machine is\n" +
			"sized. All of it comes from this one process, which is made to be light; given the server's --pid it\n" +
			"says what the server needs. Load is made on this machine only, unless --allow-remote is given.",
		Example: "  weir load rtmp rtmp://127.0.0.1/live/load --sound opus --duration 10m &\n" +
			"  weir load whep http://127.0.0.1:8080/live/load/whep --count 150 --pid $(pidof -s weir)",
	}
	cmd.AddCommand(newLoadRTMPCmd(), newLoadWHIPCmd(), newLoadWHEPCmd(), newLoadHLSCmd())
	return cmd
}

// command adds to a kind of load what all kinds have.
func (l *loading) command(cmd *cobra.Command, of string) *cobra.Command {
	f := cmd.Flags()
	f.IntVarP(&l.count, "count", "n", 1, "how many "+of)
	f.DurationVarP(&l.duration, "duration", "d", 30*time.Second, "for how long, once all are there")
	f.IntVar(&l.pid, "pid", 0, "process ID of the server, to measure its CPU time and memory")
	f.BoolVar(&l.remote, "allow-remote", false, "make load on another machine, which has to be yours")
	l.format = formatFlag(cmd, "text", "json")
	more := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := cobra.ExactArgs(1)(cmd, args); err != nil {
			return err //nolint:wrapcheck // it speaks of the command line
		}
		if err := l.check(cmd.Context(), args[0]); err != nil || more == nil {
			return err
		}
		return more(cmd, args)
	}
	return cmd
}

// check refuses what is out of bounds.
func (l *loading) check(ctx context.Context, target string) error {
	switch {
	case l.count < 1 || l.count > maxLoad:
		return fmt.Errorf("--count %d is not between 1 and %d", l.count, maxLoad)
	case l.duration <= 0 || l.duration > maxLoadTime:
		return fmt.Errorf("--duration %v is not between 0s and %v", l.duration, maxLoadTime)
	}
	local, err := load.Local(ctx, target)
	if err == nil && !local && !l.remote {
		err = fmt.Errorf("%s is not on this machine\nhelp: load is an attack on a machine that is not yours; --allow-remote if it is", target)
	}
	return err //nolint:wrapcheck // it speaks of the argument
}

// span is a load and what is to be noted about it.
type span struct {
	// start makes the load: it calls ready when all of it is there, and ends with its
	// context. That is some time later, or at an interrupt.
	start func(ctx context.Context, ready func()) error
	// short says that start ends by itself, and that all its time counts.
	short bool
	// line is what it has come to, shown once a second.
	line func() string
	// began is called when all is there, ended at the end of the time; both may be nil.
	began, ended func()
}

// run makes load and measures the server.
func (l *loading) run(cmd *cobra.Command, s span) (*costs, error) {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &costs{process: load.Process(l.pid), span: s}
	if err := c.begin(); err != nil {
		return nil, err
	}
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- s.start(ctx, func() { close(ready) }) }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	show := newProgress(cmd.ErrOrStderr())
	defer show.end()
	var over <-chan time.Time
	for {
		select {
		case <-ready:
			ready = nil
			c.steady()
			if !s.short {
				over = time.After(l.duration)
			}
		case <-over:
			over = nil
			c.end()
			cancel()
		case <-tick.C:
			show.line(s.line())
		case err := <-ended:
			c.end()
			return c, errors.Join(err, c.failure)
		}
	}
}

// print prints what came of a load.
func (l *loading) print(cmd *cobra.Command, report any, table func(io.Writer) error) error {
	if l.format.value == "json" {
		return writeJSON(cmd.OutOrStdout(), report)
	}
	if err := table(cmd.OutOrStdout()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
