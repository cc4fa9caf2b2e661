package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"weir/configs"
	"weir/pipeline"
	"weir/pipeline/config"
)

// keyVariable is the environment variable that the built-in configuration takes
// its publish key from.
const keyVariable = "WEIR_STREAM_KEY"

func newRunCmd() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "run [file]",
		Short: "Run the server",
		Long: "Run the server with the pipelines of a file, or without one with the built-in configuration:\n" +
			"anything published by RTMP under live/ is watched by HLS.\n\n" +
			"SIGHUP reads the file again and applies what changed. SIGTERM drains and exits.",
		Example: "  weir run\n  weir run weir.yaml --watch",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			src := builtIn()
			if len(args) == 1 {
				src = fileSource(args[0])
			} else if watch {
				return errors.New("--watch needs a file to watch")
			}
			return runServer(cmd.Context(), cmd.OutOrStdout(), src, watch, nil)
		},
	}
	cmd.Flags().BoolVar(&watch, "watch", false, "apply the file whenever it changes")
	return cmd
}

// tuneCollector has garbage collected when it is half as much as what is alive, unless
// GOGC says otherwise. Nearly all of a large heap is media, which has no pointers to
// follow: collecting it costs next to nothing, while memory that is new to the process
// costs a page fault for each 4 KiB. A small heap is mostly viewers, whose stacks are
// dear to look through; the ballast, which nobody touches and which thus takes no
// memory, makes it count as larger. It must be kept for as long as the server runs.
func tuneCollector() (ballast []byte) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	return make([]byte, 46<<20)
}

// source is where the configuration comes from.
type source struct {
	name string // what errors call it
	path string // the file; "" for the built-in one
	read func() ([]byte, error)
	env  func(string) (string, bool)
	key  string // the key that was made up; "" if somebody chose one
	// shown says that *** may stand for secrets, as in what the server shows.
	shown bool
}

// files is where a server keeps what it must remember: beside its file, or for the built-in
// one where systemd gives a place, or "", which is nowhere. What for is appended.
func (s *source) files() string {
	if dir := os.Getenv("STATE_DIRECTORY"); s.path == "" && dir != "" {
		return filepath.Join(dir, "weir")
	}
	return strings.TrimSuffix(s.path, filepath.Ext(s.path))
}

func fileSource(path string) *source {
	return &source{name: path, path: path, read: func() ([]byte, error) { return os.ReadFile(path) }, env: os.LookupEnv}
}

// builtIn is the embedded default, with a random publish key unless the environment
// has one.
func builtIn() *source {
	s := &source{name: "default.yaml", read: func() ([]byte, error) { return configs.Default, nil }, env: os.LookupEnv}
	if v := os.Getenv(keyVariable); v == "" {
		s.key = strings.ToLower(rand.Text())
		s.env = func(name string) (string, bool) {
			if name == keyVariable {
				return s.key, true
			}
			return os.LookupEnv(name)
		}
	}
	return s
}

// load reads and checks the configuration against a registry.
func (s *source) load(reg *pipeline.Registry) (*config.File, error) {
	text, err := s.read()
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	loader := config.Loader{Registry: reg, Env: s.env, ReadFile: config.ReadSecret, Shown: s.shown}
	file, problems := loader.Load(text, s.name)
	if len(problems) > 0 {
		return nil, problems
	}
	return file, nil
}

// runServer runs a server from start to drain. started, if not nil, runs beside it
// and ends when its context does; its failure ends the server.
func runServer(ctx context.Context, out io.Writer, src *source, watch bool, started func(context.Context, *server) error) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer runtime.KeepAlive(tuneCollector())
	// The stage types stand on the services, and the services on the file; so the
	// file is read twice: for its settings, and for its pipelines.
	static, err := pipeline.NewRegistry(stages(services{})...)
	if err != nil {
		return err
	}
	file, err := src.load(static)
	if err != nil {
		return err
	}
	settings, files := file.Server, src.files()
	settings.Access.State = accessFile(settings.Access, files)
	s, err := newServer(settings, files, newLog(settings.Log))
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.operate(src); err != nil {
		return err
	}
	file = s.desired.File()
	for _, note := range file.Notes {
		s.log.Debug(note.Message, "at", fmt.Sprintf("%s:%d", note.File, note.Line))
	}
	s.warn(ctx, file)
	welcome(out, s, src, file)
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady) // nobody listens unless systemd started us

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	beside := make(chan struct{})
	go func() {
		defer close(beside)
		if started != nil {
			if err := started(ctx, s); err != nil && ctx.Err() == nil {
				cancel(err)
			}
		}
	}()
	reloading := make(chan struct{})
	go func() {
		defer close(reloading)
		s.desired.Run(ctx, watch)
	}()
	context.AfterFunc(ctx, func() {
		stop() // a second signal ends the process at once
		_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
	})
	err = s.run(ctx)
	cancel(err)
	<-beside
	<-reloading
	if cause := context.Cause(ctx); err == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}
