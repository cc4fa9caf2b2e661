package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"weir/pipeline"
	"weir/pipeline/config"
)

func newCheckCmd() *cobra.Command {
	var format *word
	cmd := &cobra.Command{
		Use:   "check [file...]",
		Short: "Say everything that is wrong with configuration files",
		Long: "Check configuration files, or the built-in one, without starting anything. Every problem is shown\n" +
			"with its place and what to do. The exit code is 2 if there are any.",
		Example: "  weir check weir.yaml\n  weir check configs/*.yaml --format json",
		RunE: func(cmd *cobra.Command, args []string) error {
			verdicts, err := check(cmd.Context(), args)
			if err != nil {
				return err
			}
			if format.value == "json" {
				err = writeJSON(cmd.OutOrStdout(), map[string]any{"files": verdicts})
			} else {
				err = writeVerdicts(cmd.OutOrStdout(), verdicts)
			}
			for _, v := range verdicts {
				if !v.OK {
					return errors.Join(err, wrong(exitBadConfig))
				}
			}
			return err
		},
	}
	format = formatFlag(cmd, "text", "json")
	return cmd
}

// verdict is what check says about one file.
type verdict struct {
	File     string          `json:"file"`
	OK       bool            `json:"ok"`
	Problems config.Problems `json:"problems"`
	Notes    config.Problems `json:"notes"`
	content  string
}

func check(ctx context.Context, paths []string) ([]verdict, error) {
	var vs []verdict
	for _, src := range sources(paths) {
		src.shown = true
		file, err := fileOf(src)
		v := verdict{File: src.name, OK: err == nil, Problems: config.Problems{}, Notes: config.Problems{}}
		switch {
		case err == nil:
			problems, notes := lacking(ctx, newHost(file.Server.Transcode, slog.New(slog.DiscardHandler)), file)
			v.OK = len(problems) == 0
			v.Problems = append(v.Problems, problems...)
			v.Notes = append(append(v.Notes, file.Notes...), notes...)
			v.content = count(len(file.Plans), "pipeline") + ", " + count(stageCount(file.Plans), "stage")
		case !errors.As(err, &v.Problems):
			return nil, err
		}
		vs = append(vs, v)
	}
	return vs, nil
}

func stageCount(plans []*pipeline.Plan) int {
	n := 0
	for _, p := range plans {
		n += len(p.Def.Stages)
	}
	return n
}

func writeVerdicts(w io.Writer, vs []verdict) error {
	paint := painter(w)
	for _, v := range vs {
		text := fmt.Sprintf("%s: good: %s\n", v.File, v.content)
		if !v.OK {
			text = paint.problems(v.Problems) + fmt.Sprintf("\n%s: %s\n", v.File, count(len(v.Problems), "problem"))
		} else if len(v.Notes) > 0 {
			text = paint.problems(v.Notes) + fmt.Sprintf("\n%s: good, with %s: %s\n", v.File, count(len(v.Notes), "note"), v.content)
		}
		if _, err := io.WriteString(w, text); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}

// sources are the files to look at; without any, the built-in one.
func sources(paths []string) []*source {
	if len(paths) == 0 {
		return []*source{builtIn()}
	}
	srcs := make([]*source, len(paths))
	for i, p := range paths {
		srcs[i] = fileSource(p)
	}
	return srcs
}

// fileOf reads a file with stage types that stand on no services.
func fileOf(src *source) (*config.File, error) {
	reg, err := pipeline.NewRegistry(stages(services{})...)
	if err != nil {
		return nil, fmt.Errorf("stage types: %w", err)
	}
	return src.load(reg)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
