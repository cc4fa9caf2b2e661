package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"weir/pipeline/service/store"
	"weir/record/film"
	"weir/record/spool"
)

func newRecordingCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "recording",
		Short: "List recordings, and make MP4 files of them",
		Long: "Look at what has been recorded: WHERE is a configuration file, whose stages with use: record say\n" +
			"which buckets and directories, or a directory with recordings.",
		Example: "  weir recording list weir.yaml\n" +
			"  weir recording export weir.yaml 01M8GPFGND4P1EWZHWK67C6QW0 --output show.mp4",
	}
	cmd.AddCommand(newRecordingListCmd(), newRecordingExportCmd())
	return cmd
}

func newRecordingListCmd() *cobra.Command {
	var format *word
	cmd := &cobra.Command{
		Use:     "list WHERE",
		Short:   "List recordings, oldest first",
		Long:    "List what has been recorded, also what still is being, oldest first in each store.",
		Example: "  weir recording list weir.yaml\n  weir recording list recordings --format json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			return listRecordings(ctx, cmd.OutOrStdout(), args[0], format.value)
		},
	}
	format = formatFlag(cmd, "text", "json")
	return cmd
}

// interruptible is a context that ends with Ctrl-C.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

// storesAt are the stores of a configuration file, or that of a directory.
func storesAt(where string) ([]shelf, error) {
	info, err := os.Stat(where)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return []shelf{{place: store.Place{Dir: where}}}, nil
	}
	shelves, err := shelvesOf(where)
	if err == nil && len(shelves) == 0 {
		err = errors.New("nothing records in there\nhelp: name a file with stages that have use: record, or a directory of recordings")
	}
	return shelves, err
}

// listed is a recording with its store.
type listed struct {
	Store string `json:"store"`
	film.Entry
}

func listRecordings(ctx context.Context, out io.Writer, where, format string) error {
	shelves, err := storesAt(where)
	if err != nil {
		return err
	}
	all := []listed{}
	for _, sh := range shelves {
		s, err := sh.place.Open()
		if err != nil {
			return err
		}
		entries, err := film.List(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w\nhelp: weir doctor store says more", sh.place.Address(), err)
		}
		for _, e := range entries {
			all = append(all, listed{sh.place.Address(), e})
		}
	}
	if format == "json" {
		return writeJSON(out, map[string]any{"recordings": all})
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "STARTED (UTC)\tLENGTH\tSIZE\tSTREAM\tRECORDING")
	for _, e := range all {
		length, size := "growing", "…"
		if !e.Ended.IsZero() {
			length, size = clock(e.Seconds), inBytes(e.Bytes)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", e.Started.UTC().Format(time.DateTime), length, size, e.Pipeline, e.Prefix)
	}
	return t.Flush()
}

// clock is a length in seconds as hours, minutes and seconds.
func clock(seconds float64) string {
	s := int(math.Round(seconds))
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// inBytes is a size in bytes for people.
func inBytes(n int64) string {
	v, units := float64(n), []string{"B", "kB", "MB", "GB", "TB"}
	for len(units) > 1 && v >= 999.5 {
		v, units = v/1000, units[1:]
	}
	if v < 9.95 && units[0] != "B" {
		return fmt.Sprintf("%.1f %s", v, units[0])
	}
	return fmt.Sprintf("%.0f %s", v, units[0])
}

// exporting is what an export is to be like.
type exporting struct {
	output  string
	layer   string
	gaps    *word
	parts   bool
	force   bool
	out     io.Writer // tells what was made
	display *meter
}

func newRecordingExportCmd() *cobra.Command {
	var e exporting
	cmd := &cobra.Command{
		Use:   "export WHERE [RECORDING]",
		Short: "Make an MP4 file of a recording",
		Long: "Make one MP4 file, with its index in front, of a recording: its session, or its place as\n" +
			"weir recording list shows it. WHERE may be the recording's own directory. Nothing is coded anew.\n" +
			"Where the publisher was away, what came next follows at once, unless --gaps keep is said.",
		Example: "  weir recording export weir.yaml 01M8GPFGND4P1EWZHWK67C6QW0 --output show.mp4\n" +
			"  weir recording export recordings/live/studio/2026/11/28/090617Z-01M8GPFGND4P1EWZHWK67C6QW0",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			e.out, e.display = cmd.OutOrStdout(), newMeter(cmd.ErrOrStderr())
			name := ""
			if len(args) > 1 {
				name = args[1]
			}
			s, m, err := findRecording(ctx, args[0], name)
			if err != nil {
				return err
			}
			return e.run(ctx, s, m)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&e.output, "output", "o", "", "the file to write; - is standard output (default STREAM-STARTED.mp4)")
	flags.StringVar(&e.layer, "layer", "", "the video layer; the largest one unless it is said")
	e.gaps = &word{value: "close", words: []string{"close", "keep"}}
	flags.Var(e.gaps, "gaps", "what becomes of time in which nothing came")
	_ = cmd.RegisterFlagCompletionFunc("gaps", cobra.FixedCompletions(e.gaps.words, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	flags.BoolVar(&e.parts, "parts", false, "write several files where one cannot hold the recording")
	flags.BoolVar(&e.force, "force", false, "replace files that are there")
	return cmd
}

// findRecording looks for a recording in the stores of where, or takes the one that is
// there.
func findRecording(ctx context.Context, where, name string) (store.Store, *spool.Manifest, error) {
	if name == "" {
		return onlyRecording(ctx, where)
	}
	shelves, err := storesAt(where)
	if err != nil {
		return nil, nil, err
	}
	for _, sh := range shelves {
		s, err := sh.place.Open()
		if err != nil {
			return nil, nil, err
		}
		m, err := film.Find(ctx, s, name)
		switch {
		case err == nil:
			return s, m, nil
		case errors.Is(err, film.ErrNone):
		case errors.Is(err, film.ErrSeveral):
			return nil, nil, fmt.Errorf("%s: %w\nhelp: give the whole place that weir recording list shows", name, err)
		case errors.Is(err, film.ErrGrowing):
			return nil, nil, fmt.Errorf("%s: %w\nhelp: it can be played meanwhile, from media/index.m3u8; export it once weir recording list shows its length", name, err)
		default:
			return nil, nil, fmt.Errorf("%s: %w\nhelp: weir doctor store says more", sh.place.Address(), err)
		}
	}
	return nil, nil, fmt.Errorf("%s: %w\nhelp: weir recording list %s shows what there is", name, film.ErrNone, where)
}

// onlyRecording is a directory that is a recording.
func onlyRecording(ctx context.Context, dir string) (store.Store, *spool.Manifest, error) {
	abs, err := filepath.Abs(dir)
	if err == nil {
		_, err = os.Stat(abs)
	}
	if err != nil {
		return nil, nil, err
	}
	place := store.Place{Dir: filepath.Dir(abs)}
	s, err := place.Open()
	if err != nil {
		return nil, nil, err
	}
	m, err := film.Read(ctx, s, filepath.Base(abs))
	if errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("%s is no recording that has ended: it has no manifest.json\nhelp: say which one: weir recording export %s RECORDING; weir recording list %s shows them", dir, dir, dir)
	}
	return s, m, err
}

func (e *exporting) run(ctx context.Context, s store.Store, m *spool.Manifest) error {
	films, err := film.Plan(ctx, s, m, film.Options{
		Layer: e.layer, Gaps: e.gaps.value == "keep",
		Progress: func(done, all int) { e.display.show("reading %d of %d segments", done, all) },
	})
	e.display.end()
	if err != nil {
		return err
	}
	if len(films) > 1 && !e.parts {
		return fmt.Errorf("one MP4 cannot hold this recording: %s\nhelp: --parts writes %d files", films[1].Because, len(films))
	}
	output := e.output
	if output == "" {
		output = fmt.Sprintf("%s-%s.mp4", filepath.Base(m.Pipeline), m.Started.UTC().Format("20060102T150405Z"))
	}
	if output == "-" && len(films) > 1 {
		return errors.New("several files do not fit standard output\nhelp: name one with --output")
	}
	for i, f := range films {
		name := output
		if len(films) > 1 {
			ext := filepath.Ext(output)
			name = fmt.Sprintf("%s-%d%s", output[:len(output)-len(ext)], i+1, ext)
		}
		if name == "-" {
			err = e.copy(e.out, f, name)
		} else if err = e.write(name, f); err == nil {
			fmt.Fprintf(e.out, "%s: %s, %s\n", name, clock(f.Duration.Seconds()), inBytes(f.Size()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// write makes a file, which has its name once it is whole.
func (e *exporting) write(name string, f *film.Film) (err error) {
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) && !e.force {
		return fmt.Errorf("%s is there already\nhelp: --force replaces it, --output writes another one", name)
	}
	draft := name + ".part"
	file, err := os.Create(draft)
	if err != nil {
		return err
	}
	err = errors.Join(e.copy(file, f, name), file.Sync(), file.Close())
	if err != nil {
		return errors.Join(err, os.Remove(draft))
	}
	return os.Rename(draft, name)
}

// stride is how much is copied at once: what a bucket gives in one request.
const stride = 4 << 20

func (e *exporting) copy(w io.Writer, f *film.Film, name string) error {
	defer e.display.end()
	buf := make([]byte, stride)
	for at := int64(0); at < f.Size(); {
		n, err := f.ReadAt(buf[:min(stride, f.Size()-at)], at)
		if err != nil {
			return err
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		at += int64(n)
		e.display.show("%s: %s of %s, %d %%", name, inBytes(at), inBytes(f.Size()), at*100/f.Size())
	}
	return nil
}

// meter shows how far something is: in one line of a terminal, else now and then.
type meter struct {
	w     io.Writer
	tty   bool
	shown time.Time
}

func newMeter(w io.Writer) *meter {
	f, ok := w.(*os.File)
	return &meter{w: w, tty: ok && terminal(f), shown: time.Now()}
}

// How often a meter says something.
const (
	glance = 100 * time.Millisecond
	seldom = 10 * time.Second
)

func (m *meter) show(format string, args ...any) {
	every := seldom
	if m.tty {
		every = glance
	}
	if time.Since(m.shown) < every {
		return
	}
	m.shown = time.Now()
	if m.tty {
		format = "\r\x1b[K" + format
	} else {
		format += "\n"
	}
	fmt.Fprintf(m.w, format, args...)
}

// end leaves the line as it was found.
func (m *meter) end() {
	if m.tty {
		fmt.Fprint(m.w, "\r\x1b[K")
	}
}
