package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"weir/configs"
	"weir/control/desired"
	"weir/pipeline"
	"weir/pipeline/config"
)

func newConfigCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print, check and export configurations",
		Example: "  weir config default > weir.yaml\n" +
			"  weir config export weir.yaml > all.yaml   with what was added while the server ran",
	}
	check, schema := newCheckCmd(), newSchemaCmd()
	check.Use, check.Example = "validate [file...]", "  weir config validate weir.yaml"
	schema.Example = "  weir config schema > weir.schema.json"
	cmd.AddCommand(check, schema, newConfigDefaultCmd(), newConfigEnvCmd(), newConfigExportCmd())
	return cmd
}

func newConfigDefaultCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "default",
		Short:   "Print the configuration that is built in",
		Long:    "Print the configuration that weir run has without a file, to begin your own with.",
		Example: "  weir config default > weir.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(configs.Default)
			return err
		},
	}
}

func newConfigEnvCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "env",
		Short: "List the environment variables that go before the file",
		Long: "List the environment variables that set what the server section of a file says, each with what it\n" +
			"is without one. A variable goes before the file. Lists are parted by commas.",
		Example: "  WEIR_SERVER__HTTP__LISTEN=:8000 weir run weir.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, v := range config.Variables() {
				set := v.Default
				if _, ok := os.LookupEnv(v.Name); ok {
					set = "(set)"
				}
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "# %s\n%s=%s\n", v.Doc, v.Name, set); err != nil {
					return fmt.Errorf("write: %w", err)
				}
			}
			return nil
		},
	}
}

func newConfigExportCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "export FILE",
		Short: "Print a configuration with what was added while the server ran",
		Long: "Print a configuration file and what was added and stopped at run time, which is kept beside it, as\n" +
			"one file. Secrets are in it. What does not fit the file any more is left out.",
		Example: "  weir config export weir.yaml > all.yaml && weir check all.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return exportConfig(cmd.OutOrStdout(), fileSource(args[0]))
		},
	}
}

func exportConfig(out io.Writer, src *source) error {
	reg, err := pipeline.NewRegistry(stages(services{})...)
	if err != nil {
		return fmt.Errorf("stage types: %w", err)
	}
	d, err := desired.New(desired.Options{
		Name: src.name, Path: src.path, Read: src.read, Env: src.env, State: desired.StateFile(src.files()), Registry: reg,
		Apply: func([]*pipeline.Plan) error { return nil }, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err //nolint:wrapcheck // it says what to do
	}
	text, err := d.Export()
	if err != nil {
		return err //nolint:wrapcheck // it says what to do
	}
	_, err = io.WriteString(out, text)
	return err
}
