package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"weir/pipeline"
	"weir/pipeline/config"
)

func newSchemaCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of configuration files",
		Long: "Print the JSON Schema of configuration files, for editors: save it beside your file and begin the\n" +
			"file with the line\n\n  # yaml-language-server: $schema=weir.schema.json",
		Example: "  weir schema > weir.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, err := pipeline.NewRegistry(stages(services{})...)
			if err != nil {
				return fmt.Errorf("stage types: %w", err)
			}
			text, err := config.Schema(reg)
			if err != nil {
				return err //nolint:wrapcheck // it says what failed
			}
			if _, err := cmd.OutOrStdout().Write(text); err != nil {
				return fmt.Errorf("write: %w", err)
			}
			return nil
		},
	}
}
