package main

import (
	"github.com/spf13/cobra"

	"weir/pipeline"
	"weir/pipeline/draw"
)

func newGraphCmd() *cobra.Command {
	var format *word
	cmd := &cobra.Command{
		Use:   "graph [file...]",
		Short: "Draw the graphs that configuration files declare",
		Long: "Draw what runs for configuration files, or for the built-in one: every stage and what it reads from,\n" +
			"with the conversions that were inserted and why. Mermaid shows on GitHub; dot is for Graphviz.",
		Example: "  weir graph weir.yaml\n  weir graph weir.yaml -f dot | dot -Tsvg > weir.svg",
		RunE: func(cmd *cobra.Command, args []string) error {
			var plans []*pipeline.Plan
			for _, src := range sources(args) {
				file, err := fileOf(src)
				if err != nil {
					return err
				}
				plans = append(plans, file.Plans...)
			}
			return draw.Draw(cmd.OutOrStdout(), format.value, plans...) //nolint:wrapcheck // it says what failed
		},
	}
	format = formatFlag(cmd, draw.Formats()...)
	return cmd
}
