package config

import (
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"weir/pipeline"
)

// stageSection is one entry of `stages:`.
type stageSection struct {
	Use     *node  `yaml:"use" doc:"The type of the stage. A list is one source of each type and a switch behind them."`
	With    *node  `yaml:"with" doc:"The stage's own settings."`
	From    *node  `yaml:"from" doc:"What the stage reads from: a stage, stage.port, a list of them, or a mapping with a queue."`
	Restart string `yaml:"restart" enum:"auto,never,always" doc:"What happens after a failure: by the kind of error, nothing, or a restart in any case."`
}

// fromSection is the long form of an edge.
type fromSection struct {
	Stage string       `yaml:"stage" doc:"The stage to read from."`
	Port  string       `yaml:"port" doc:"Its output, if it has several."`
	To    string       `yaml:"to" doc:"The input to connect, if there are several."`
	Queue queueSection `yaml:"queue" doc:"What happens when this stage is too slow for what it reads."`
}

type queueSection struct {
	Hold    time.Duration  `yaml:"hold" doc:"How far behind it may fall in time; 10s unless set."`
	Bytes   pipeline.Bytes `yaml:"bytes" doc:"How far behind it may fall in bytes; 32MiB unless set."`
	Overrun string         `yaml:"overrun" enum:"drop_gop,drop_oldest,fail,block" doc:"What then: skip to a key frame, skip the older half, fail, or make the producer wait."`
}

var stageName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

// switchType is the stage behind a list of sources.
const switchType = "ingest/switch"

// stageDecoder decodes the stages of one pipeline into its definition.
type stageDecoder struct {
	*decoder
	def     *pipeline.Definition
	origins map[string]origin // by name in the definition
}

func (s *stageDecoder) decode(n *node, at place) {
	if !s.expect(n, at, mappingKind) {
		return
	}
	if len(n.fields) > maxStages {
		s.problem(at, "split the pipeline", "a pipeline has at most %d stages", maxStages)
		return
	}
	type pending struct {
		def  int // the stage in s.def.Stages that reads
		from *node
		at   place
	}
	var edges []pending
	for i := range n.fields {
		f := &n.fields[i]
		s.stage = f.key
		var section stageSection
		s.decoder.decode(f.value, f.at, reflect.ValueOf(&section).Elem())
		if !stageName.MatchString(f.key) {
			s.problem(f.at, "use small letters, digits, _ and -, starting with a letter, 32 at most", "%q is no name for a stage", f.key)
		}
		s.declare(f, &section)
		if section.From != nil {
			edges = append(edges, pending{len(s.def.Stages) - 1, section.From, f.value.field("from").point()})
		}
	}
	for _, e := range edges { // now that all names are known
		stage := &s.def.Stages[e.def]
		s.stage = s.origins[stage.Name].stage
		stage.From = append(stage.From, s.from(e.from, e.at)...)
	}
	s.stage = ""
}

// declare adds the stage or stages of one entry to the definition, the one that
// others read from last. A stage without a type is there too, so that the graph
// around it can be checked.
func (s *stageDecoder) declare(f *field, section *stageSection) {
	restart, _ := pipeline.ParseRestart(section.Restart) // the decoder has checked the word
	uses := s.uses(section.Use, f)
	switch {
	case len(uses) == 0:
		s.add(f, pipeline.StageDef{Name: f.key})
	case len(uses) == 1:
		config := s.with(section.With, f, uses, 0)
		s.add(f, pipeline.StageDef{Name: f.key, Use: uses[0], Config: config, Restart: restart})
	default:
		s.choice(f, section, uses, restart)
	}
}

// choice adds one source for each of several types and a switch behind them.
func (s *stageDecoder) choice(f *field, section *stageSection, uses []string, restart pipeline.Restart) {
	last := pipeline.StageDef{Name: f.key, Use: switchType, Restart: restart}
	behind, ok := s.loader.Registry.Lookup(switchType)
	if !ok {
		s.problem(f.value.field("use").at, "declare one source; this build cannot choose between several",
			"a list of %d sources needs %s", len(uses), switchType)
		s.add(f, last)
		return
	}
	last.Config = behind.Config()
	for i, use := range uses {
		name := f.key + "." + path.Base(use)
		if _, taken := s.origins[name]; taken {
			s.problem(section.Use.items[i].at, "remove one of them", "%s stands twice in this list", path.Base(use))
			continue
		}
		config := s.with(section.With, f, uses, i)
		s.add(f, pipeline.StageDef{Name: name, Use: use, Config: config, Restart: restart})
		last.From = append(last.From, pipeline.From{Stage: name})
	}
	s.add(f, last)
}

func (s *stageDecoder) add(f *field, def pipeline.StageDef) {
	s.origins[def.Name] = origin{stage: f.key, node: f.value, at: f.at}
	s.def.Stages = append(s.def.Stages, def)
}

// uses lists the types of a stage. What is wrong with them is reported.
func (s *stageDecoder) uses(n *node, f *field) []string {
	types := s.loader.Registry.Types()
	if n == nil {
		if f.value.kind == mappingKind || f.value.kind == nullKind {
			s.problem(f.at, "add use: and one of "+strings.Join(types, ", "), "the stage %s has no type", f.key)
		}
		return nil
	}
	at := f.value.field("use").point()
	items := n.items
	if n.kind != listKind {
		items = []*node{n}
	} else if len(items) == 0 {
		s.problem(at, "name one of "+strings.Join(types, ", "), "the list is empty")
	}
	uses := make([]string, len(items))
	for i, item := range items {
		if n.kind == listKind {
			at = item.at
		}
		before := len(s.problems)
		s.decoder.decode(item, at, reflect.ValueOf(&uses[i]).Elem())
		if len(s.problems) > before {
			return nil
		}
		if slices.Contains(types, uses[i]) {
			continue
		}
		help := didYouMean(uses[i], types, "the types are "+strings.Join(types, ", "))
		s.problem(at, help, "there is no stage type %q", uses[i])
	}
	return uses
}
