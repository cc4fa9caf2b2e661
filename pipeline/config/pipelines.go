package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"weir/pipeline"
)

// pipelineSection is one entry of `pipelines:`.
type pipelineSection struct {
	When   string        `yaml:"when" enum:"published,demanded,always" doc:"What starts an instance: a publisher, the first viewer, or the server's start."`
	Linger time.Duration `yaml:"linger" doc:"How long an instance that was started by a viewer outlives the last one."`
	Adapt  string        `yaml:"adapt" enum:"auto,audio,none" doc:"Which conversions may be inserted where a stage cannot take what it reads: of audio and video, of audio only, or none."`
	Stages *node         `yaml:"stages" doc:"The stages by name."`
}

// defaultLinger is how long demanded instances linger unless the file says.
const defaultLinger = 30 * time.Second

// pipelines decodes and plans all pipelines.
func (d *decoder) pipelines(n *node, at place) (plans []*pipeline.Plan, notes Problems) {
	if !d.expect(n, at, mappingKind) {
		return nil, nil
	}
	if len(n.fields) == 0 {
		d.problem(at, "add at least one path, such as live/{name}:", "there are no pipelines")
	}
	seen := make(map[string]place)
	for i := range n.fields {
		f := &n.fields[i]
		d.pipeline = f.key
		pattern, err := pipeline.ParsePattern(f.key)
		if err != nil {
			d.problem(f.at, "paths look like live/{name} or cams/door", "%s", err)
		}
		if first, _, _ := strings.Cut(f.key, "/"); slices.Contains(reserved(), first) {
			d.problem(f.at, "choose another first word, such as live", "the server's own pages are under /%s", first)
		}
		shape := anyVariable.ReplaceAllString(boundVariable.ReplaceAllString(f.key, "$1"), "{}")
		if first, taken := seen[shape]; taken {
			d.problem(f.at, "change one of them", "the pipeline in line %d has the same paths", first.line)
		}
		seen[shape] = f.at
		plan, ns := d.definition(f, pattern)
		if plan != nil {
			plans = append(plans, plan)
		}
		notes = append(notes, ns...)
	}
	d.pipeline, d.stage = "", ""
	return plans, notes
}

// reserved are the first segments of paths that the HTTP server has for itself.
func reserved() []string { return []string{"v1", "assets", "metrics", "livez", "readyz", "startupz"} }

var (
	anyVariable   = regexp.MustCompile(`\{[^/]*\}`)
	boundVariable = regexp.MustCompile(`\{[^/=]*=([^/]*)\}`)
)

// definition decodes one pipeline and plans it.
func (d *decoder) definition(f *field, pattern pipeline.Pattern) (*pipeline.Plan, Problems) {
	var section pipelineSection
	d.decode(f.value, f.at, reflect.ValueOf(&section).Elem())
	def := &pipeline.Definition{Pattern: pattern, Linger: section.Linger}
	def.When, _ = pipeline.ParseWhen(section.When)    // the decoder has checked
	def.Adapt, _ = pipeline.ParseAdapt(section.Adapt) // these words
	if linger := f.value.field("linger"); linger == nil {
		def.Linger = defaultLinger
	} else if def.When != pipeline.Demanded {
		d.problem(linger.at, "remove it, or say `when: demanded`", "linger is for pipelines that viewers start")
	}
	if f.value.kind == scalarKind || f.value.kind == listKind {
		return nil, nil // said already
	}
	stages := &stageDecoder{decoder: d, def: def, origins: make(map[string]origin)}
	if section.Stages != nil {
		stages.decode(section.Stages, f.value.field("stages").point())
	}
	plan, problems := pipeline.NewPlan(def, d.loader.Registry)
	d.consequences(stages.placed(problems, f))
	if plan == nil {
		return nil, nil
	}
	return plan, stages.placed(plan.Notes, f)
}

// origin is where a stage of a definition comes from.
type origin struct {
	stage string // its name in the file
	node  *node
	at    place // its key
}

// placed finds where the file says what the planner's problems are about.
func (s *stageDecoder) placed(problems []pipeline.Problem, f *field) Problems {
	var ps Problems
	for _, p := range problems {
		at := f.value.find(p.Field, f.at)
		o, ok := s.origins[p.Stage]
		switch {
		case ok:
			at = o.node.find(p.Field, o.at)
		case p.Stage != "":
			at = f.at
		}
		ps = append(ps, Problem{
			Line: at.line, Column: at.column, Width: at.width,
			Message: p.Message, Hint: p.Hint, Pipeline: f.key, Stage: o.stage,
		})
	}
	return ps
}
