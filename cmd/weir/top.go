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
	"golang.org/x/sys/unix"

	"weir/cmd/client"
	"weir/cmd/top"
	"weir/pipeline"
	"weir/pipeline/config"
)

// remote is the server that a command asks.
type remote struct{ url, tokenFile string }

// tokenVariable is where a token may stand that no file has.
const tokenVariable = "WEIR_TOKEN"

func (r *remote) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.url, "url", "http://127.0.0.1:8080", "the server's address")
	cmd.Flags().StringVar(&r.tokenFile, "token-file", "", "a file with an API token; "+tokenVariable+" may hold one instead")
}

func (r *remote) client() (*client.Client, error) {
	token := os.Getenv(tokenVariable)
	if r.tokenFile != "" {
		b, err := config.ReadSecret(r.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("read the token: %w", err)
		}
		token = string(b)
	}
	return client.New(r.url, pipeline.NewSecret(trimmed(token)))
}

// trimmed is a line without its end.
func trimmed(s string) string {
	for s != "" && (s[len(s)-1] == '\n' || s[len(s)-1] == '\r') {
		s = s[:len(s)-1]
	}
	return s
}

func newTopCmd() *cobra.Command {
	var from remote
	var once bool
	var format *word
	order := &word{value: top.Orders()[0], words: top.Orders()}
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch a running server: streams, viewers, outputs, drops, events",
		Long: "Show what a server does, once a second until Ctrl-C: each stream with its viewers, bitrate, the units\n" +
			"that were dropped, and the state of each output; beneath, the newest events. It asks the API, and needs\n" +
			"a token with the scope read unless the server is on this machine and lets it in.",
		Example: "  weir top\n" +
			"  weir top --url https://live.example.net --token-file token --sort viewers\n" +
			"  weir top --once --format json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := from.client()
			if err != nil {
				return badLine(cmd, err)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			out := cmd.OutOrStdout()
			if f, ok := out.(*os.File); !once && format.value == "text" && ok && terminal(f) {
				return watchTop(ctx, c, f, order.value)
			}
			return topOnce(ctx, c, out, order.value, format.value)
		},
	}
	from.flags(cmd)
	cmd.Flags().BoolVar(&once, "once", false, "print one table and end; so it is if the output is no terminal")
	cmd.Flags().Var(order, "sort", "what streams are sorted by")
	_ = cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(order.words, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	format = formatFlag(cmd, "text", "json")
	return cmd
}

// badLine reports what is wrong with the command line, although a command was reached.
func badLine(cmd *cobra.Command, err error) error {
	report(cmd.ErrOrStderr(), err, true)
	return wrong(exitBadConfig)
}

func topOnce(ctx context.Context, c *client.Client, out io.Writer, order, format string) error {
	const wide = 160
	screen := top.Screen{Width: wide, Colour: painter(out).on}
	b, err := top.Ask(ctx, c, order, screen.Rows())
	if err != nil {
		return unreachable(err)
	}
	if format == "json" {
		return writeJSON(out, b)
	}
	if _, err := io.WriteString(out, top.Draw(b, screen)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// unreachable adds what to do about a server that does not answer.
func unreachable(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w\nhelp: is weir running there? --url says where it is", err)
	}
	return err
}

// The sequences that a live view needs: another screen without a cursor, and back.
const (
	screenOn, screenOff = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
	home, clearRest     = "\x1b[H", "\x1b[J"
	clearLine           = "\x1b[K"
)

// watchTop draws until ctx ends.
func watchTop(ctx context.Context, c *client.Client, out *os.File, order string) error {
	colour := painter(out).on
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last *top.Board
	for {
		screen := top.Screen{Width: 80, Height: 24, Colour: colour}
		if size, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 && size.Row > 0 {
			screen.Width, screen.Height = int(size.Col), int(size.Row)
		}
		screen.Height-- // so that the last newline does not scroll
		b, err := top.Ask(ctx, c, order, screen.Rows())
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && last == nil:
			return unreachable(err)
		case err != nil:
			screen.Problem = err.Error()
		case last == nil:
			fmt.Fprint(out, screenOn)
			defer fmt.Fprint(out, screenOff)
		}
		if err == nil {
			last = b
		}
		if _, err := io.WriteString(out, frame(top.Draw(last, screen))); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// frame draws lines over those that are there, without a flicker.
func frame(lines string) string {
	var b []byte
	b = append(b, home...)
	for _, r := range []byte(lines) {
		if r == '\n' {
			b = append(b, clearLine...)
			b = append(b, '\r')
		}
		b = append(b, r)
	}
	return string(append(b, clearRest...))
}
