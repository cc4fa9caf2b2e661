package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"weir/pipeline/config"
)

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err   error
		began bool
		want  int
	}{
		{errors.New("unknown flag"), false, exitBadConfig},
		{errors.New("the disk is gone"), true, exitFailure},
		{config.Problems{{Message: "no"}}, true, exitBadConfig},
		{fmt.Errorf("read: %w", fs.ErrNotExist), true, exitBadConfig},
		{fmt.Errorf("listen: %w", syscall.EADDRINUSE), true, exitTemporary},
		{errors.Join(nil, wrong(2)), true, 2},
	} {
		if got := exitCode(c.err, c.began); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}

// TestReport: every error ends with what to do next.
func TestReport(t *testing.T) {
	for _, c := range []struct {
		err   error
		began bool
		want  string
	}{
		{errors.New("unknown flag: --x"), false, "weir: unknown flag: --x\nhelp: weir help lists the commands, weir help COMMAND explains one\n"},
		{fmt.Errorf("read a.yaml: %w", fs.ErrPermission), true, "weir: read a.yaml: permission denied\nhelp: check who owns the file and who runs weir\n"},
		{errors.New("port taken\nhelp: stop the other one"), true, "weir: port taken\nhelp: stop the other one\n"},
		{wrong(2), true, ""},
		{
			config.Problems{{File: "a.yaml", Line: 1, Column: 2, Width: 1, Message: "no", Hint: "yes", Excerpt: "ab", Caret: 1}},
			true,
			"a.yaml:1:2: no\n    1 | ab\n      |  ^\n  help: yes\n\n1 problem in a.yaml; nothing was changed or started\n",
		},
	} {
		var b strings.Builder
		report(&b, c.err, c.began)
		if got := b.String(); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
}

func TestPaint(t *testing.T) {
	ps := config.Problems{{File: "a.yaml", Line: 1, Column: 2, Width: 1, Message: "no", Hint: "yes", Excerpt: "ab", Caret: 1}}
	want := "\x1b[1ma.yaml:1:2: no\x1b[0m\n    1 | ab\n      |\x1b[31m  ^\x1b[0m\n\x1b[36m  help: yes\x1b[0m\n"
	if got := (brush{on: true}).problems(ps); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := (brush{on: true}).message("no\nhelp: yes"), "\x1b[1mno\x1b[0m\n\x1b[36mhelp: yes\x1b[0m"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if painter(&strings.Builder{}).on {
		t.Error("colours for what is no terminal")
	}
}
