package desired

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"weir/pipeline"
	"weir/pipeline/config"
)

// stream is what one stream has of its own.
type stream struct {
	added   []Added
	stopped []string
	plan    *pipeline.Plan    // nil if it is that of the file
	refused map[string]string // added stages that do not fit the file, and why
}

// Added is a stage that was added to a stream.
type Added struct {
	config.Addition
	// Persistent stages come back after a restart.
	Persistent bool
}

// maxStreams bounds how many streams have something of their own.
const maxStreams = 1000

// derive makes a stream's plan over a file. An added stage that does not fit is left out.
func (d *Desired) derive(file *config.File, name string, st *stream) {
	st.plan, st.refused = nil, make(map[string]string)
	base := serving(file, name)
	if base == nil {
		for _, a := range st.added {
			st.refused[a.Name] = ErrNoPipeline.Error()
		}
		return
	}
	pattern := base.Def.Pattern.Bind(name)
	fits := make([]config.Addition, 0, len(st.added))
	for _, a := range st.added {
		fits = append(fits, a.Addition)
	}
	plan, _ := d.loader.Extend(base.Def, pattern, st.stopped, fits)
	if plan == nil { // one by one, then
		fits = fits[:0]
		plan, _ = d.loader.Extend(base.Def, pattern, st.stopped, nil)
		for _, a := range st.added {
			p, problems := d.loader.Extend(base.Def, pattern, st.stopped, append(slices.Clip(fits), a.Addition))
			if p == nil {
				st.refused[a.Name] = problems[0].Message
				continue
			}
			plan, fits = p, append(fits, a.Addition)
		}
	}
	st.plan = plan
}

// Output is a stage of a stream that nothing reads from, as it should be.
type Output struct {
	Name, Use string
	// From is what it reads from, for encoding/json: as in a file.
	From any
	// With is its configuration, with *** for secrets.
	With map[string]any
	// Added outputs are not in the file; only they can be changed or removed.
	Added, Persistent, Stopped bool
	// Refused says why it cannot be in force, or is "".
	Refused string
	// Version names this state of it.
	Version string
}

// Outputs lists the outputs that a path has, running or not.
func (d *Desired) Outputs(name string) ([]Output, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.outputs(name)
}

// Output is one of them, or ErrNoStage.
func (d *Desired) Output(name, stage string) (Output, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.output(name, stage)
}

func (d *Desired) output(name, stage string) (Output, error) {
	all, err := d.outputs(name)
	if err != nil {
		return Output{}, err
	}
	if i := slices.IndexFunc(all, func(o Output) bool { return o.Name == stage }); i >= 0 {
		return all[i], nil
	}
	if base := serving(d.file, name); slices.ContainsFunc(base.Def.Stages, func(s pipeline.StageDef) bool { return s.Name == stage }) {
		return Output{}, ErrNoOutput
	}
	return Output{}, ErrNoStage
}

func (d *Desired) outputs(name string) ([]Output, error) {
	base := serving(d.file, name)
	if base == nil {
		return nil, ErrNoPipeline
	}
	st := d.streams[name]
	if st == nil {
		st = &stream{}
	}
	var all []Output
	for i := range base.Def.Stages {
		s := &base.Def.Stages[i]
		if f := d.sink(s.Use); f != nil {
			o := Output{Name: s.Name, Use: s.Use, From: fromOf(s.From), With: config.Show(f, s.Config), Persistent: true}
			all = append(all, d.finish(o, st))
		}
	}
	for _, a := range st.added {
		o := Output{Name: a.Name, Use: a.Use, Added: true, Persistent: a.Persistent, Refused: st.refused[a.Name], With: map[string]any{}}
		_ = json.Unmarshal(a.From, &o.From) // it was checked when it came
		if f := d.sink(a.Use); f != nil {
			if s := d.stageOf(base, st, name, a); s != nil {
				o.With = config.Show(f, s.Config)
			}
		}
		all = append(all, d.finish(o, st))
	}
	return all, nil
}

func (d *Desired) finish(o Output, st *stream) Output {
	o.Stopped = slices.Contains(st.stopped, o.Name)
	text := fmt.Sprintf("%v %v %v %v", o.Use, o.From, o.With, o.Stopped)
	for _, a := range st.added {
		if a.Name == o.Name { // secrets count, though nobody sees them
			text += string(a.With)
		}
	}
	o.Version = versionOf([]byte(text))
	return o
}

// stageOf is an added stage with its configuration decoded, also while it is stopped.
func (d *Desired) stageOf(base *pipeline.Plan, st *stream, name string, a Added) *pipeline.StageDef {
	find := func(p *pipeline.Plan) *pipeline.StageDef {
		if p == nil {
			return nil
		}
		if i := slices.IndexFunc(p.Def.Stages, func(s pipeline.StageDef) bool { return s.Name == a.Name }); i >= 0 {
			return &p.Def.Stages[i]
		}
		return nil
	}
	if s := find(st.plan); s != nil {
		return s
	}
	alone, _ := d.loader.Extend(base.Def, base.Def.Pattern.Bind(name), nil, []config.Addition{a.Addition})
	return find(alone)
}

// sink is the factory of a type whose stages are outputs, or nil.
func (d *Desired) sink(use string) pipeline.Factory {
	f, ok := d.opts.Registry.Lookup(use)
	if !ok || f.Spec().Role != pipeline.Sink {
		return nil
	}
	return f
}

// fromOf is edges as a file says them.
func fromOf(edges []pipeline.From) any {
	var all []any
	for _, e := range edges {
		word := e.Stage
		if e.Port != "" {
			word += "." + e.Port
		}
		all = append(all, word)
	}
	if len(all) == 1 {
		return all[0]
	}
	return all
}

// Add adds an output to a stream. A name and what it reads from are found if they are
// left out. It returns what was made of it.
func (d *Desired) Add(name string, a Added, by string) (Output, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	next, a, err := d.with(name, a)
	if err != nil {
		return Output{}, err
	}
	return d.change(name, a.Name, next, Event{Type: "output.added", By: by, Detail: a.Use})
}

// Foresee is the plan that a stream would have if an output were added, and what that
// would be called. Nothing changes. The errors are those of Add.
func (d *Desired) Foresee(name string, a Added) (*pipeline.Plan, string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	next, a, err := d.with(name, a)
	if err == nil {
		err = d.fit(name, a.Name, next)
	}
	return next.plan, a.Name, err
}

// with is a stream's state with an output more, to be put back by change. It is never nil.
func (d *Desired) with(name string, a Added) (*stream, Added, error) {
	next := d.copyOf(name)
	base := serving(d.file, name)
	switch {
	case base == nil:
		return next, a, ErrNoPipeline
	case d.streams[name] == nil && len(d.streams) >= maxStreams:
		return next, a, fmt.Errorf("%w: %d streams have stages of their own", ErrTooMany, maxStreams)
	}
	if _, known := d.opts.Registry.Lookup(a.Use); known && d.sink(a.Use) == nil {
		return next, a, ErrNoOutput
	}
	if a.Name == "" {
		a.Name = d.freeName(base, name, a.Use)
	}
	if d.taken(base, name, a.Name) {
		return next, a, ErrTaken
	}
	if len(a.From) == 0 || string(a.From) == "null" {
		a.From = d.source(base, a.Use)
	}
	next.added = append(next.added, a)
	return next, a, nil
}

func (d *Desired) taken(base *pipeline.Plan, name, stage string) bool {
	return slices.ContainsFunc(base.Def.Stages, func(s pipeline.StageDef) bool { return s.Name == stage }) ||
		d.streams[name] != nil && slices.ContainsFunc(d.streams[name].added, func(a Added) bool { return a.Name == stage })
}

// freeName is a name after the type: rtmp, rtmp-2.
func (d *Desired) freeName(base *pipeline.Plan, name, use string) string {
	stem := strings.ToLower(path.Base(use))
	for n, try := 2, stem; ; n++ {
		if !d.taken(base, name, try) {
			return try
		}
		try = fmt.Sprintf("%s-%d", stem, n)
	}
}

// source is what an output of a type reads from if nobody says: as the first one of its
// type does, or the first output of any, or the last stage that is none.
func (d *Desired) source(base *pipeline.Plan, use string) json.RawMessage {
	var like, any, last string
	for i := range base.Def.Stages {
		s := &base.Def.Stages[i]
		switch {
		case d.sink(s.Use) == nil:
			last = s.Name
		case len(s.From) != 1 || s.From[0].Port != "":
		case s.Use == use && like == "":
			like = s.From[0].Stage
		case any == "":
			any = s.From[0].Stage
		}
	}
	for _, name := range []string{like, any, last} {
		if name != "" {
			b, _ := json.Marshal(name)
			return b
		}
	}
	return nil
}

// copyOf is a stream's state, to be changed and put back by change.
func (d *Desired) copyOf(name string) *stream {
	next := &stream{}
	if st := d.streams[name]; st != nil {
		next.added, next.stopped = slices.Clone(st.added), slices.Clone(st.stopped)
	}
	return next
}

// fit derives another state of a stream, and says why the stage that it is about does not
// fit.
func (d *Desired) fit(name, stage string, next *stream) error {
	base := serving(d.file, name)
	d.derive(d.file, name, next)
	if next.refused[stage] != "" {
		if i := slices.IndexFunc(next.added, func(a Added) bool { return a.Name == stage }); i >= 0 {
			_, problems := d.loader.Extend(base.Def, base.Def.Pattern.Bind(name), nil, []config.Addition{next.added[i].Addition})
			if len(problems) > 0 {
				return problems
			}
		}
		return config.Problems{{Message: next.refused[stage]}}
	}
	if next.plan == nil && len(next.stopped) > 0 {
		return config.Problems{{Message: "this is all that the pipeline does", Hint: "end the stream instead"}}
	}
	return nil
}

// change brings another state of a stream into force, if the stage that it is about fits.
func (d *Desired) change(name, stage string, next *stream, e Event) (Output, error) {
	if err := d.fit(name, stage, next); err != nil {
		return Output{}, err
	}
	before := d.streams[name]
	if len(next.added) == 0 && len(next.stopped) == 0 {
		delete(d.streams, name)
	} else {
		d.streams[name] = next
	}
	if err := d.save(); err != nil {
		d.streams[name] = before
		if before == nil {
			delete(d.streams, name)
		}
		return Output{}, err
	}
	if err := d.opts.Apply(d.plans()); err != nil {
		d.opts.Log.Error("not all of a change could be applied", "pipeline", name, "stage", stage, "err", err)
	}
	e.Stream, e.Stage = name, stage
	d.opts.Changed(e)
	if e.Type == "output.removed" {
		return Output{}, nil
	}
	return d.output(name, stage)
}

// Patch changes an added output: with is a merge patch (RFC 7396) in which *** leaves a
// secret as it is; from replaces what it reads from. Each may be empty. version is the
// one that it changes, "" is whichever there is.
func (d *Desired) Patch(name, stage string, with, from json.RawMessage, version, by string) (Output, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	next, i, err := d.own(name, stage, version)
	if err != nil {
		return Output{}, err
	}
	a := next.added[i]
	if len(with) > 0 {
		if a.With, err = merge(a.With, with); err != nil {
			return Output{}, config.Problems{{Location: "with", Message: err.Error()}}
		}
	}
	if len(from) > 0 && string(from) != "null" {
		a.From = bytes.Clone(from)
	}
	next.added[i] = a
	return d.change(name, stage, next, Event{Type: "output.changed", By: by})
}

// Remove takes an added output away.
func (d *Desired) Remove(name, stage, version, by string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	next, i, err := d.own(name, stage, version)
	if err != nil {
		return err
	}
	next.added = slices.Delete(next.added, i, i+1)
	next.stopped = slices.DeleteFunc(next.stopped, func(s string) bool { return s == stage })
	_, err = d.change(name, stage, next, Event{Type: "output.removed", By: by})
	return err
}

// own is a copy of a stream's state and where in it an added stage is.
func (d *Desired) own(name, stage, version string) (*stream, int, error) {
	o, err := d.output(name, stage)
	switch {
	case err != nil:
		return nil, 0, err
	case !o.Added:
		return nil, 0, ErrDeclared
	case version != "" && version != o.Version:
		return nil, 0, ErrChanged
	}
	next := d.copyOf(name)
	return next, slices.IndexFunc(next.added, func(a Added) bool { return a.Name == stage }), nil
}

// Stop stops an output, or starts it again; it stays so after a restart.
func (d *Desired) Stop(name, stage string, stopped bool, by string) (Output, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o, err := d.output(name, stage)
	if err != nil || o.Stopped == stopped {
		return o, err
	}
	next := d.copyOf(name)
	e := Event{Type: "output.started", By: by}
	if stopped {
		e.Type = "output.stopped"
		next.stopped = append(next.stopped, stage)
	} else {
		next.stopped = slices.DeleteFunc(next.stopped, func(s string) bool { return s == stage })
	}
	return d.change(name, stage, next, e)
}
