package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"weir/pipeline/config"
)

func newPortsCmd() *cobra.Command {
	var format *word
	cmd := &cobra.Command{
		Use:   "ports [file]",
		Short: "List the addresses that a configuration listens on",
		Long: "List the addresses that a server with this file, or with the built-in one, listens on: for firewalls.\n\n" +
			"The environment goes before the file: WEIR_SERVER__HTTP__LISTEN=:9000 is server.http.listen.",
		Example: "  weir ports weir.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := fileOf(sources(args)[0])
			if err != nil {
				return err
			}
			if format.value == "json" {
				return writeJSON(cmd.OutOrStdout(), map[string][]config.Listening{"listeners": file.Server.Listeners()})
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, l := range file.Server.Listeners() {
				fmt.Fprintf(t, "%s\t%s\t%s\tserver.%s\n", l.Network, l.Address, l.Protocol, l.Setting())
			}
			if err := t.Flush(); err != nil {
				return fmt.Errorf("write: %w", err)
			}
			return nil
		},
	}
	format = formatFlag(cmd, "text", "json")
	return cmd
}
