package main

import (
	"context"
	"slices"
	"strings"

	testcard "weir/ingest/test"
	"weir/pipeline"
	"weir/pipeline/config"
	"weir/transcode/audio"
	"weir/transcode/mixer"
	"weir/transcode/video"
	"weir/transcode/worker"
)

// workers are the types of stages that cannot run without weir-av.
func workers() []string { return []string{audio.Type, video.Type, testcard.Type, mixer.Type} }

// lacking says what of a file cannot be, since weir-av is missing or unfit: a problem
// where the file declares a stage that transcodes, a note where one was only inserted,
// as streams that need none go through it.
func lacking(ctx context.Context, host *worker.Host, file *config.File) (problems, notes config.Problems) {
	var known error
	asked := false
	for _, plan := range file.Plans {
		var inserted []string
		for _, n := range plan.Nodes {
			if !slices.Contains(workers(), n.Use) {
				continue
			}
			if !asked {
				_, known = host.Capabilities(ctx)
				asked = true
			}
			switch {
			case known == nil:
			case n.Inserted:
				inserted = append(inserted, n.Name+" ("+n.Why+")")
			default:
				problems = append(problems, problemOf(file, plan, n.Name, n.Use+" cannot run: "+known.Error()))
			}
		}
		if len(inserted) > 0 {
			notes = append(notes, problemOf(file, plan, "", "what needs "+strings.Join(inserted, ", ")+
				" is without picture or sound: "+known.Error()))
		}
	}
	return problems, notes
}

// warn says what of a file will not be, since weir-av is missing or unfit. All else
// runs.
func (s *server) warn(ctx context.Context, file *config.File) {
	problems, notes := lacking(ctx, s.services.av, file)
	for _, p := range append(problems, notes...) {
		s.log.Warn(p.Message, "pipeline", p.Pipeline)
	}
}

func problemOf(file *config.File, plan *pipeline.Plan, stage, message string) config.Problem {
	return config.Problem{
		File: file.Name, Line: 1, Column: 1, Pipeline: plan.Def.Pattern.String(), Stage: stage, Message: message,
		Hint: "weir graph shows where it stands; adapt: none forbids what is inserted",
	}
}
