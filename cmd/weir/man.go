package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newManCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "man [directory]",
		Short:   "Write the manual pages",
		Long:    "Write the manual page of weir, or with a directory the pages of all commands into it.",
		Example: "  weir man | man -l -\n  weir man /usr/local/share/man/man1",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			root.DisableAutoGenTag = true
			b := readBuild()
			header := &doc.GenManHeader{Title: "WEIR", Section: "1", Source: "Weir " + b.Version, Manual: "Weir Manual"}
			if t, err := time.Parse(time.RFC3339, b.Time); err == nil {
				header.Date = &t // the same build writes the same pages
			}
			var err error
			if len(args) == 0 {
				err = doc.GenMan(root, header, cmd.OutOrStdout())
			} else if err = os.MkdirAll(args[0], 0o755); err == nil { //nolint:gosec // manual pages are for everybody
				header.Title = ""
				err = doc.GenManTree(root, header, args[0])
			}
			if err != nil {
				return fmt.Errorf("write the manual: %w", err)
			}
			return nil
		},
	}
}
