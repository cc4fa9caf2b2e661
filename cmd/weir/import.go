package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"weir/cmd/migrate"
)

func newImportCmd() *cobra.Command {
	from := &word{words: migrate.Kinds()}
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Say in Weir's YAML what another server's configuration says",
		Long: "Read a mediamtx.yml, or an nginx.conf with the RTMP module, and print a configuration of Weir's that\n" +
			"does the same. What has no equivalent becomes a comment that says what to do instead. Secrets are not\n" +
			"copied; the comment at the top lists the environment variables that take their places.",
		Example: "  weir import mediamtx.yml >weir.yaml && weir check weir.yaml\n" +
			"  nginx -T | weir import --from nginx -",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, text, err := foreign(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			yaml, err := migrate.Convert(name, text, from.value)
			if err != nil {
				fmt.Fprintln(cmd.ErrOrStderr(), painter(cmd.ErrOrStderr()).message("weir: "+unpainted(err)))
				return wrong(exitBadConfig)
			}
			if _, err := io.WriteString(cmd.OutOrStdout(), yaml); err != nil {
				return fmt.Errorf("write: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().Var(from, "from", "which server's file it is; without it the content decides")
	_ = cmd.RegisterFlagCompletionFunc("from", cobra.FixedCompletions(from.words, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	return cmd
}

// unpainted is an error with what to do, at the end of a line without.
func unpainted(err error) string { return strings.TrimRight(err.Error(), "\n") }

// mostForeign bounds a file of another server.
const mostForeign = 1 << 20

// foreign reads a file, or standard input for -.
func foreign(stdin io.Reader, path string) (name string, text []byte, err error) {
	in, name := stdin, "standard input"
	if path != "-" {
		f, err := os.Open(path) //nolint:gosec // the operator names the file
		if err != nil {
			return "", nil, fmt.Errorf("read the file: %w", err)
		}
		defer f.Close()
		in, name = f, path
	}
	text, err = io.ReadAll(io.LimitReader(in, mostForeign))
	if err != nil {
		return "", nil, fmt.Errorf("read the file: %w", err)
	}
	return name, text, nil
}
