// Command weir is the live-video server: it runs the pipelines that a YAML file
// declares. See `weir help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"weir/pipeline/config"
	"weir/transcode/worker"
)

// The exit codes.
const (
	exitFailure   = 1  // it ran and failed
	exitBadConfig = 2  // the configuration or the command line is wrong
	exitTemporary = 75 // it may work the next time: EX_TEMPFAIL of sysexits.h
)

func main() {
	if err := worker.Confine(); err != nil { // only in a process that is to become one
		fmt.Fprintln(os.Stderr, "weir:", err)
		os.Exit(exitFailure)
	}
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs a command line and returns the exit code.
func execute(args []string, stdout, stderr io.Writer) int {
	root := newRootCmd()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	began := false // whether a command was reached, so that errors are not about the command line
	root.PersistentPreRun = func(*cobra.Command, []string) { began = true }
	err := root.ExecuteContext(context.Background())
	if err == nil {
		return 0
	}
	report(stderr, err, began)
	return exitCode(err, began)
}

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "weir",
		Short: "A live-video server whose streams flow through a graph of stages",
		Long: "Weir is a live-video server. A YAML file declares pipelines: where streams come from, what is\n" +
			"done to them and where they go.",
		Example: "  weir demo                       see it work: a test clip, published and watched\n" +
			"  weir run                        the built-in configuration: RTMP in, low-latency HLS out\n" +
			"  weir check weir.yaml            everything that is wrong with a file\n" +
			"  weir run weir.yaml --watch      run it, and apply it whenever it changes",
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("weir {{.Version}}\n")
	root.AddCommand(
		newRunCmd(), newDemoCmd(), newCheckCmd(), newGraphCmd(), newPortsCmd(), newSchemaCmd(), newConfigCmd(),
		newLoadCmd(), newRecordingCmd(), newDoctorCmd(), newVersionCmd(), newManCmd(),
		newImportCmd(), newTopCmd(), newSupportBundleCmd(),
		newTokenCmd(), newKeyCmd(), newHashCmd(), newSignCmd(),
	)
	return root
}

// wrong is the exit code of a command that has said what is wrong.
type wrong int

func (w wrong) Error() string { return fmt.Sprintf("exit code %d", int(w)) }

func exitCode(err error, began bool) int {
	var problems config.Problems
	var said wrong
	switch {
	case errors.As(err, &said):
		return int(said)
	case !began, errors.As(err, &problems), errors.Is(err, fs.ErrNotExist):
		return exitBadConfig
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.ECONNREFUSED):
		return exitTemporary
	default:
		return exitFailure
	}
}

// report says what went wrong and what to do next.
func report(w io.Writer, err error, began bool) {
	var problems config.Problems
	var said wrong
	paint := painter(w)
	switch {
	case errors.As(err, &said):
	case errors.As(err, &problems):
		_, _ = io.WriteString(w, paint.problems(problems))
		fmt.Fprintf(w, "\n%s in %s; nothing was changed or started\n", count(len(problems), "problem"), problems[0].File)
	default:
		text := err.Error()
		if !strings.Contains(text, "help: ") {
			text += "\nhelp: " + nextStep(err, began)
		}
		fmt.Fprintln(w, paint.message("weir: "+text))
	}
}

func nextStep(err error, began bool) string {
	switch {
	case !began:
		return "weir help lists the commands, weir help COMMAND explains one"
	case errors.Is(err, fs.ErrNotExist):
		return "check the path; weir run without a file has a configuration built in"
	case errors.Is(err, fs.ErrPermission):
		return "check who owns the file and who runs weir"
	default:
		return "the log may say more, with server.log.level: debug"
	}
}

// count is "1 problem" or "2 problems".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
