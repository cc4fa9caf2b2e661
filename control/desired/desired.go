package desired

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"weir/pipeline"
	"weir/pipeline/config"
)

// The reasons for changing nothing. What is wrong with a configuration is a
// [config.Problems].
var (
	ErrNoPipeline = errors.New("no pipeline of the configuration serves this path")
	ErrNoStage    = errors.New("there is no such stage")
	ErrTaken      = errors.New("there is a stage of that name already")
	ErrDeclared   = errors.New("the configuration file declares this stage: change it there")
	ErrNoOutput   = errors.New("this stage is no output: others read from it, or it reads from nothing")
	ErrChanged    = errors.New("it was changed meanwhile: read it again")
	ErrReadOnly   = errors.New("the configuration file cannot be written by the server")
	ErrNoVersion  = errors.New("there is no such version any more")
	ErrTooMany    = errors.New("there is no room for more")
	ErrBeyond     = errors.New("no stage of this type in the configuration file has this file, directory or service: the scope admin is needed to name another one")
)

// Options say where the configuration is.
type Options struct {
	// Name is what errors call the file; Path is where it is, "" for a built-in one.
	Name, Path string
	// Read gives the text as it is now.
	Read func() ([]byte, error)
	Env  func(name string) (string, bool)
	// State is the file for what is added at run time; "" keeps that in memory only.
	State    string
	Registry *pipeline.Registry
	// Apply brings plans into force. What it cannot is its error.
	Apply func(plans []*pipeline.Plan) error
	// Changed is told what was changed, after it was; it must not block. May be nil.
	Changed func(Event)
	Log     *slog.Logger
}

// Event says that something else is wanted now.
type Event struct {
	// Type is config.applied, config.refused, output.added, output.changed, output.removed,
	// output.stopped or output.started.
	Type string
	// Stream and Stage are what it is about; "" for the configuration.
	Stream, Stage string
	// By is who wanted it, Detail what it was in words.
	By, Detail string
	// Changes are those of config.applied.
	Changes []Change
}

// Desired is what should run. Any number of goroutines may use it.
type Desired struct {
	opts   Options
	loader *config.Loader

	mu      sync.Mutex // guards what follows
	file    *config.File
	text    []byte
	shown   string // text without its secrets
	version string
	streams map[string]*stream
	history []Version // newest first; the first one is in force
}

// New reads the configuration and the state. Nothing is in force before Begin.
func New(opts Options) (*Desired, error) {
	if opts.Changed == nil {
		opts.Changed = func(Event) {}
	}
	d := &Desired{
		opts: opts, streams: make(map[string]*stream),
		loader: &config.Loader{Registry: opts.Registry, Env: opts.Env, ReadFile: config.ReadSecret},
	}
	text, err := opts.Read()
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	file, problems := d.loader.Load(text, opts.Name)
	if len(problems) > 0 {
		return nil, problems
	}
	if d.streams, err = readState(opts.State); err != nil {
		return nil, err
	}
	d.adopt(file, text)
	d.history = d.recall()
	d.remember("", time.Now())
	return d, nil
}

// Begin brings everything into force for the first time.
func (d *Desired) Begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.opts.Apply(d.plans())
}

// File is the checked file in force. It is not changed.
func (d *Desired) File() *config.File {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.file
}

// adopt makes a file the one in force.
func (d *Desired) adopt(file *config.File, text []byte) {
	d.file, d.text, d.version = file, text, versionOf(text)
	d.shown = d.loader.Redact(text)
	for path, st := range d.streams {
		d.derive(d.file, path, st)
		for name, why := range st.refused {
			d.opts.Log.Warn("a stage that was added at run time does not fit the configuration: "+why, "pipeline", path, "stage", name)
		}
	}
}

func versionOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

// plans are all plans: those of the file, and those that streams have for themselves.
func (d *Desired) plans() []*pipeline.Plan { return plansOf(d.file, d.streams) }

func plansOf(file *config.File, streams map[string]*stream) []*pipeline.Plan {
	all := slices.Clone(file.Plans)
	for _, st := range streams {
		if st.plan == nil {
			continue
		}
		same := func(p *pipeline.Plan) bool { return p.Def.Pattern.String() == st.plan.Def.Pattern.String() }
		if i := slices.IndexFunc(all, same); i >= 0 {
			all[i] = st.plan
			continue
		}
		all = append(all, st.plan)
	}
	slices.SortStableFunc(all[len(file.Plans):], func(a, b *pipeline.Plan) int { return a.Def.Pattern.Compare(b.Def.Pattern) })
	return all
}

// serving is the file's plan that serves a path, or nil.
func serving(file *config.File, path string) *pipeline.Plan {
	var best *pipeline.Plan
	for _, p := range file.Plans {
		if _, ok := p.Def.Pattern.Match(path); ok && (best == nil || p.Def.Pattern.Compare(best.Def.Pattern) < 0) {
			best = p
		}
	}
	return best
}

// Plan is the plan that a path has, or ErrNoPipeline.
func (d *Desired) Plan(path string) (*pipeline.Plan, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if st := d.streams[path]; st != nil && st.plan != nil {
		return st.plan, nil
	}
	if p := serving(d.file, path); p != nil {
		return p, nil
	}
	return nil, ErrNoPipeline
}

// Shown is the file for whoever may read it.
type Shown struct {
	// YAML has *** for secrets.
	YAML, Name, Version string
	// Writable says whether Replace can work.
	Writable bool
}

// Show is the file in force.
func (d *Desired) Show() Shown {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Shown{YAML: d.shown, Name: d.opts.Name, Version: d.version, Writable: d.writable() == nil}
}

// Change is what a new file does to one pipeline, in words.
type Change struct {
	Pipeline, What string
	// Restarts counts stages that end, start or restart; Untouched all others.
	Restarts, Untouched int
}

// Check says what is wrong with a text, and what it would change.
func (d *Desired) Check(text []byte) ([]Change, config.Problems) {
	d.mu.Lock()
	defer d.mu.Unlock()
	file, _, problems := d.load(text)
	if len(problems) > 0 {
		return nil, problems
	}
	return changes(d.plans(), plansOf(file, d.rebased(file))), nil
}

// load checks a text, in which *** stands for the secrets of the one in force.
func (d *Desired) load(text []byte) (*config.File, []byte, config.Problems) {
	whole, problems := config.Restore(text, d.text, d.opts.Name)
	if len(problems) > 0 {
		return nil, nil, problems
	}
	file, problems := d.loader.Load(whole, d.opts.Name)
	return file, whole, problems
}

// rebased are the streams as they would be over another file.
func (d *Desired) rebased(file *config.File) map[string]*stream {
	out := make(map[string]*stream, len(d.streams))
	for path, st := range d.streams {
		moved := *st
		d.derive(file, path, &moved)
		out[path] = &moved
	}
	return out
}

// Result is what came of a new file.
type Result struct {
	Changes []Change
	Version string
	// Restart says that something takes effect only after a restart of the server.
	Restart bool
}

// Replace writes the file and brings it into force. version is the one that it replaces;
// "" is whichever there is.
func (d *Desired) Replace(text []byte, version, by string) (Result, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if version != "" && version != d.version {
		return Result{}, ErrChanged
	}
	file, whole, problems := d.load(text)
	if len(problems) > 0 {
		return Result{}, problems
	}
	if err := d.writable(); err != nil {
		return Result{}, err
	}
	if err := writeFile(d.opts.Path, whole); err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	return d.replace(file, whole, by), nil
}

// replace brings another file into force. The caller holds d.mu.
func (d *Desired) replace(file *config.File, text []byte, by string) Result {
	log := d.opts.Log.With("file", d.opts.Name)
	before, server := d.plans(), d.file.Server
	d.adopt(file, text)
	r := Result{Changes: changes(before, d.plans()), Version: d.version, Restart: !reflect.DeepEqual(server, file.Server)}
	for _, c := range r.Changes {
		log.Info("configuration: "+c.What, "pipeline", c.Pipeline)
	}
	if r.Restart {
		log.Warn("the server section changed; that takes effect after a restart")
	}
	if err := d.opts.Apply(d.plans()); err != nil {
		log.Error("some of the configuration could not be applied", "err", err)
	}
	d.remember(by, time.Now())
	log.Info("configuration applied")
	d.opts.Changed(Event{Type: "config.applied", By: by, Detail: d.version, Changes: r.Changes})
	return r
}

// changes compares the pipelines of two configurations.
func changes(from, to []*pipeline.Plan) []Change {
	var out []Change
	find := func(plans []*pipeline.Plan, like *pipeline.Plan) *pipeline.Plan {
		i := slices.IndexFunc(plans, func(p *pipeline.Plan) bool { return p.Def.Pattern.String() == like.Def.Pattern.String() })
		if i < 0 {
			return nil
		}
		return plans[i]
	}
	for _, plan := range to {
		name := plan.Def.Pattern.String()
		old := find(from, plan)
		if old == nil {
			out = append(out, Change{Pipeline: name, What: "new pipeline"})
			continue
		}
		diff := pipeline.Diff(old, plan)
		out = append(out, Change{
			Pipeline: name, What: diff.String(), Untouched: len(diff.Untouched),
			Restarts: len(diff.Added) + len(diff.Removed) + len(diff.Changed),
		})
	}
	for _, plan := range from {
		if find(to, plan) == nil {
			what := "removed: its streams end"
			if only, ok := plan.Def.Pattern.Path(); ok && len(plan.Def.Pattern.Vars()) > 0 && slices.ContainsFunc(to, func(p *pipeline.Plan) bool {
				_, match := p.Def.Pattern.Match(only)
				return match
			}) {
				what = "what was added to it ends"
			}
			out = append(out, Change{Pipeline: plan.Def.Pattern.String(), What: what, Restarts: len(plan.Nodes)})
		}
	}
	return out
}

// Reload brings the file into force as it is now, if it is good.
func (d *Desired) Reload() {
	d.mu.Lock()
	defer d.mu.Unlock()
	log := d.opts.Log.With("file", d.opts.Name)
	text, err := d.opts.Read()
	if err != nil {
		log.Error("configuration not applied", "err", err)
		return
	}
	file, problems := d.loader.Load(text, d.opts.Name)
	if len(problems) == 0 {
		d.replace(file, text, "")
		return
	}
	for _, p := range problems {
		log.Error("configuration not applied: "+p.Message, "line", p.Line, "column", p.Column, "help", p.Hint)
	}
	d.opts.Changed(Event{Type: "config.refused", Detail: problems[0].Message})
}

// Export is the file with all that was changed at run time, secrets included.
func (d *Desired) Export() (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return config.Export(d.text, d.overrides())
}

// ExportShown is Export with *** for secrets.
func (d *Desired) ExportShown() (string, error) {
	text, err := d.Export()
	if err != nil {
		return "", err
	}
	return d.loader.Redact([]byte(text)), nil
}

func (d *Desired) overrides() []config.Override {
	var all []config.Override
	for path, st := range d.streams {
		base := serving(d.file, path)
		if base == nil || st.plan == nil {
			continue
		}
		o := config.Override{Base: base.Def.Pattern.String(), As: st.plan.Def.Pattern.String(), Stopped: st.stopped}
		for _, s := range st.added {
			if st.refused[s.Name] == "" {
				o.Added = append(o.Added, s.Addition)
			}
		}
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b config.Override) int {
		if a.As < b.As {
			return -1
		}
		return 1
	})
	return all
}
