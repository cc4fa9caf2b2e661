package pipeline

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"weir/pipeline/media"
)

// Role says where in a graph a stage stands.
type Role uint8

// The roles of a stage.
const (
	Source    Role = iota + 1 // outputs only
	Transform                 // inputs and outputs
	Sink                      // inputs only
)

// String is the role's name in documents and in `weir graph`.
func (r Role) String() string {
	switch r {
	case Source:
		return "source"
	case Transform:
		return "transform"
	case Sink:
		return "sink"
	default:
		return "unknown"
	}
}

// Traits are properties of a video stream that some consumers cannot take.
type Traits uint8

// The traits that a set of streams may be without.
const (
	// BFrames: decoding order may differ from presentation order.
	BFrames Traits = 1 << iota
)

// Streams is a set of streams: what an output may carry, or what an input takes.
type Streams struct {
	// Form is the form of all units; 0 means either.
	Form media.Form
	// Codecs lists the possible codecs; nil means all.
	Codecs []media.Codec
	// Without lists traits that no stream of the set has.
	Without Traits
}

// Has says whether a stream of codec c is in the set.
func (s Streams) Has(c media.Codec) bool { return s.Codecs == nil || slices.Contains(s.Codecs, c) }

// Port is a declared input or output of a stage.
type Port struct {
	// Name is what `from: stage.port` calls it; "in" and "out" by custom.
	Name    string
	Streams Streams
	// Many lets an input read from any number of outputs, each an Input of its own.
	Many bool
	// Optional lets an input be left unconnected.
	Optional bool
	// OnDemand says that the stage has a use for items only when it says so by
	// Input.Want. Conversions that the planner inserted do not run before.
	OnDemand bool
	Doc      string
}

// Conversion declares that a transform with one "in" and one "out" port makes
// streams of one set into another, and passes all others through untouched.
// The planner inserts such a stage into an edge whose ends do not fit.
type Conversion struct {
	// Name is what the inserted stage is called behind its "~".
	Name string
	// Kind is 0 for a lossless bridge between forms, which is always allowed, else
	// the kind of media that is transcoded, which `adapt` may forbid.
	Kind media.Kind
	// From and To: streams of From leave as To.
	From, To Streams
	// Why is half a sentence for the reader of a graph.
	Why string
	// Config is the configuration of a stage that is inserted, of the type that its
	// factory makes. of lists those codecs of From that the consumer does not take:
	// all others must pass. Nil stands for the factory's defaults.
	Config func(of []media.Codec) any
}

// Spec describes a type of stage. Checking, schema, help and documents come from
// here and from the stage's configuration type.
type Spec struct {
	// Type is the word after `use:`, equal to the package path: "outputs/hls".
	Type string
	Role Role
	// Live: the source produces at the pace of the world and cannot be held back.
	Live bool
	In   []Port
	Out  []Port
	// Converts lists what the planner may insert the stage for.
	Converts []Conversion
	// Metrics describe the figures of stages that are Measurers.
	Metrics []Metric
	// Reach are settings, as store.dir, that name what is beyond the streams: a file or
	// directory of this machine, a service that is connected to past server.outgoing.
	Reach []string
	// Doc is one line of help. Example is a complete, commented stage in YAML.
	Doc, Example string
}

// Input is the declared input port of that name.
func (s *Spec) Input(name string) (Port, bool) { return findPort(s.In, name) }

// Output is the declared output port of that name.
func (s *Spec) Output(name string) (Port, bool) { return findPort(s.Out, name) }

func findPort(ports []Port, name string) (Port, bool) {
	i := slices.IndexFunc(ports, func(p Port) bool { return p.Name == name })
	if i < 0 {
		return Port{}, false
	}
	return ports[i], true
}

func (s *Spec) check() error {
	switch {
	case s.Type == "":
		return errors.New("a spec needs a type")
	case s.Role == Source && (len(s.In) != 0 || len(s.Out) == 0),
		s.Role == Transform && (len(s.In) == 0 || len(s.Out) == 0),
		s.Role == Sink && (len(s.In) == 0 || len(s.Out) != 0):
		return fmt.Errorf("%s: ports do not fit a %s", s.Type, s.Role)
	case s.Role < Source || s.Role > Sink:
		return fmt.Errorf("%s: no role", s.Type)
	}
	return nil
}

// Env is what a stage is told about its place when it is made.
type Env struct {
	// Pipeline is the instance's name, which is also its path: "live/studio".
	Pipeline string
	// Stage is the stage's name in the pipeline.
	Stage string
	// Epoch is when the instance started, the zero of every source's timestamps: a
	// unit that arrives now has a DTS of about the time since Epoch. So a source
	// that is restarted goes on where the world has gone on to meanwhile, and the
	// sources of one instance are in step.
	Epoch time.Time
	// When is what started the instance. A source of one that a publisher started
	// ends when there is none any more; in others it waits for the next one.
	When When
	// Vars are the values of the pattern's variables: {"name": "studio"}.
	Vars map[string]string
	// Log has pipeline and stage as attributes.
	Log *slog.Logger
	// Herald is who Tell tells; may be nil.
	Herald Herald
}

// Factory makes stages of one type. Use [Define] to make one.
type Factory interface {
	// Spec describes the type. It must not be changed.
	Spec() *Spec
	// Config is a new configuration, a pointer to a struct with defaults filled in.
	Config() any
	// Check validates a configuration that Config made and a decoder filled.
	Check(cfg any) error
	// New makes a stage from a checked configuration, which it must not modify. It
	// does no I/O: that belongs in Open.
	New(cfg any, env Env) (Stage, error)
}

// Define makes a Factory from a spec, a constructor of the default configuration
// and a constructor of the stage. C is the configuration struct, PC its pointer.
func Define[C any, PC interface {
	*C
	Validate() error
}](spec Spec, defaults func() C, make func(C, Env) (Stage, error)) Factory {
	return &factory[C, PC]{spec: spec, defaults: defaults, make: make}
}

type factory[C any, PC interface {
	*C
	Validate() error
}] struct {
	spec     Spec
	defaults func() C
	make     func(C, Env) (Stage, error)
}

func (f *factory[C, PC]) Spec() *Spec { return &f.spec }

func (f *factory[C, PC]) Config() any {
	c := f.defaults()
	return &c
}

func (f *factory[C, PC]) Check(cfg any) error {
	c, ok := cfg.(*C)
	if !ok {
		return fmt.Errorf("%s: configuration is a %T", f.spec.Type, cfg)
	}
	return PC(c).Validate()
}

func (f *factory[C, PC]) New(cfg any, env Env) (Stage, error) {
	c, ok := cfg.(*C)
	if !ok {
		return nil, fmt.Errorf("%s: configuration is a %T", f.spec.Type, cfg)
	}
	return f.make(*c, env)
}

// Announcer is a Factory whose stages meet peers from outside: publishers or
// viewers that arrive at an address. It is told of every pipeline definition that
// uses it, before any instance runs, so that an arriving peer can be checked and
// can start the instance.
type Announcer interface {
	// Announce makes the address known until withdraw is called. It fails only if
	// the address is taken by another definition.
	Announce(Announcement) (withdraw func(), err error)
}

// InputChecker is a Factory of stages whose configuration speaks of what they read
// from, by the names of stages.
type InputChecker interface {
	// CheckInputs says what is wrong with a checked configuration in a stage that reads
	// from the stages of those names: with a [FieldError] where it is at fault, else
	// where `from` is.
	CheckInputs(cfg any, from []string) error
}

// Selective is a Factory of stages that take, by their configuration, other streams than
// their Spec says, which lists all that any of them takes.
type Selective interface {
	// Takes is what a stage with a checked configuration takes at the input port.
	Takes(cfg any, port string) Streams
}

// Announcement tells an Announcer about one stage of one definition.
type Announcement struct {
	// Pattern is the path at which instances live.
	Pattern Pattern
	// When is the definition's start condition.
	When When
	// Config is the stage's checked configuration.
	Config any
	// Wake returns once an instance at that path is running, starting it if need
	// be. It may be called at any time from any goroutine, after a peer was
	// admitted and not before.
	Wake func(path string) error
}

// At is the announcement of a place beneath the pipeline's own, where one of several
// sources is reached: "guest" makes "live/{name}/guest" of "live/{name}". "" is the
// pipeline's own.
func (a Announcement) At(name string) (Announcement, error) {
	if name == "" {
		return a, nil
	}
	var err error
	wake := a.Wake
	a.Pattern, err = ParsePattern(a.Pattern.String() + "/" + name)
	a.Wake = func(path string) error { return wake(strings.TrimSuffix(path, "/"+name)) }
	return a, err
}

// At is the path of a place beneath the instance's own, as Announcement's At.
func (e Env) At(name string) string {
	if name == "" {
		return e.Pipeline
	}
	return e.Pipeline + "/" + name
}

// CheckAt says what is wrong with a name for such a place.
func CheckAt(name string) error {
	if name != "" && !validSegment(name) {
		return Fieldf("at", "%q is none of 1 to 64 letters, digits or . _ ~ -, starting with a letter or digit", name).
			WithHint("write guest, for example")
	}
	return nil
}

// Registry is the set of stage types that a binary knows. It is immutable.
type Registry struct {
	types map[string]Factory
	order []string
}

// NewRegistry makes a registry. It fails if two factories share a type or if a
// spec contradicts itself.
func NewRegistry(factories ...Factory) (*Registry, error) {
	r := &Registry{types: make(map[string]Factory, len(factories))}
	for _, f := range factories {
		s := f.Spec()
		if err := s.check(); err != nil {
			return nil, err
		}
		if _, dup := r.types[s.Type]; dup {
			return nil, fmt.Errorf("stage type %s is registered twice", s.Type)
		}
		r.types[s.Type] = f
		r.order = append(r.order, s.Type)
	}
	slices.Sort(r.order)
	return r, nil
}

// Lookup is the factory of that type.
func (r *Registry) Lookup(use string) (Factory, bool) {
	f, ok := r.types[use]
	return f, ok
}

// Types lists all types in alphabetical order.
func (r *Registry) Types() []string { return slices.Clone(r.order) }

// converter is a conversion and who does it.
type converter struct {
	Factory
	*Conversion
}

// converters lists the conversions that may be inserted, in order of type.
func (r *Registry) converters() []converter {
	var all []converter
	for _, t := range r.order {
		f := r.types[t]
		for i := range f.Spec().Converts {
			all = append(all, converter{f, &f.Spec().Converts[i]})
		}
	}
	return all
}
