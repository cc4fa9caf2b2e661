package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"weir/control/auth/book"
	"weir/control/auth/password"
	"weir/pipeline"
)

// ledger is the access file that a command is about.
type ledger struct{ config, state string }

// flags adds what says which file it is.
func (a *ledger) flags(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&a.config, "config", "weir.yaml", "the configuration whose server.access says where the file is")
	cmd.PersistentFlags().StringVar(&a.state, "state", "", "the access file itself, such as weir.access.json")
}

// open opens the file. A running server notices what is changed.
func (a *ledger) open() (*book.Store, error) {
	path := a.state
	if path == "" {
		reg, err := pipeline.NewRegistry(stages(services{})...)
		if err != nil {
			return nil, fmt.Errorf("stage types: %w", err)
		}
		file, err := fileSource(a.config).load(reg)
		if err != nil {
			return nil, err
		}
		path = accessFile(file.Server.Access, fileSource(a.config).files())
	}
	return book.Open(path) //nolint:wrapcheck // it says what failed
}

// update changes the file and says what to do next.
func (a *ledger) update(change func(*book.Book) error) error {
	store, err := a.open()
	if err != nil {
		return err
	}
	return store.Update(change) //nolint:wrapcheck // it says what failed
}

// made prints a secret alone on standard output, so that a script can take it, and what it
// is to standard error.
func made(cmd *cobra.Command, what, id, secret string) error {
	fmt.Fprintf(cmd.ErrOrStderr(), "%s %s; it is shown this once:\n", what, id)
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), secret); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// after is a time from now; zero for 0.
func after(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Now().Add(d).UTC().Truncate(time.Second)
}

// when is a time for people.
func when(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.Format(time.RFC3339)
}

func table(cmd *cobra.Command, rows [][]string) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// line reads a secret from standard input, which no list of processes shows.
func line(cmd *cobra.Command) (string, error) {
	if f, ok := cmd.InOrStdin().(*os.File); ok {
		if fi, err := f.Stat(); err == nil && fi.Mode()&os.ModeCharDevice != 0 {
			fmt.Fprint(cmd.ErrOrStderr(), "it shows while you type: ")
		}
	}
	text, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 16<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	return strings.TrimRight(text, "\r\n"), nil
}

func newHashCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "hash",
		Short: "Hash a password for server.access.users",
		Long:  "Read a password from standard input and print its argon2id hash, for server.access.users.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := line(cmd)
			if err != nil {
				return err
			}
			if err := password.Check(text); err != nil {
				return err //nolint:wrapcheck // it says what is wrong
			}
			fmt.Fprintln(cmd.OutOrStdout(), password.Hash(text))
			return nil
		},
	}
}
