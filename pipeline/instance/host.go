package instance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/pipeline"
)

// Errors of Wake.
var (
	ErrDraining = errors.New("the server is about to stop and takes no new streams")
	ErrTooMany  = errors.New("the server runs as many streams as it may")
	// ErrOffline says that an instance starts only when somebody publishes.
	ErrOffline = errors.New("nobody is publishing this stream")
)

// Options configure a Host.
type Options struct {
	Log *slog.Logger
	// Drain is how long the stages of an instance may take to flush; 0 means
	// pipeline.DefaultDrain.
	Drain time.Duration
	// MaxInstances bounds how many run at once; 0 means DefaultMaxInstances.
	MaxInstances int
	// Herald is told when streams begin and end, and what their stages tell. May be nil.
	Herald pipeline.Herald
}

// DefaultMaxInstances is the bound unless Options say otherwise.
const DefaultMaxInstances = 1000

// Host keeps all definitions and the instances that run of them.
type Host struct {
	opts    Options
	ctx     context.Context //nolint:containedctx // cancelled by Drain; parent of all instances
	cancel  context.CancelFunc
	running sync.WaitGroup

	reload sync.Mutex // serialises Apply

	mu        sync.Mutex // guards what follows
	defs      []*definition
	instances map[string]*instance
}

// definition is a plan in force.
type definition struct {
	pattern  pipeline.Pattern
	template string         // the pattern without what is bound
	plan     *pipeline.Plan // guarded by the Host's mu
	withdraw []func()       // guarded by the Host's reload
}

// NewHost makes a Host with nothing to run yet.
func NewHost(opts Options) *Host {
	if opts.MaxInstances <= 0 {
		opts.MaxInstances = DefaultMaxInstances
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Host{opts: opts, ctx: ctx, cancel: cancel, instances: make(map[string]*instance)}
}

// Apply makes plans the definitions in force: new ones are announced, and started
// if they run always; changed ones are applied to their running instances. An
// instance is always one of the most specific definition that serves its path: when
// that is another one now, the instance moves there, and what is the same in both is
// not touched. Instances that no definition serves any more are drained. It fails if
// an address cannot be announced; the rest is in force then all the same.
func (h *Host) Apply(plans []*pipeline.Plan) error {
	h.reload.Lock()
	defer h.reload.Unlock()
	var failures []error
	gone := h.gone(plans)
	var changed []*definition
	for _, plan := range plans {
		if d := h.put(plan); d != nil {
			changed = append(changed, d)
		}
	}
	h.move(gone)
	for _, d := range changed {
		d.leave()
		if err := h.begin(d); err != nil {
			failures = append(failures, err)
		}
	}
	for _, d := range gone { // last, so that what takes over has been announced
		d.leave()
	}
	return errors.Join(failures...)
}

// gone lists the definitions that have no plan any more.
func (h *Host) gone(plans []*pipeline.Plan) []*definition {
	h.mu.Lock()
	defer h.mu.Unlock()
	var gone []*definition
	for _, d := range h.defs {
		if !slices.ContainsFunc(plans, func(p *pipeline.Plan) bool { return same(d.plan, p) }) {
			gone = append(gone, d)
		}
	}
	return gone
}

func same(a, b *pipeline.Plan) bool { return a.Def.Pattern.String() == b.Def.Pattern.String() }

// leave withdraws what was announced. The caller holds the Host's reload.
func (d *definition) leave() {
	for _, withdraw := range d.withdraw {
		withdraw()
	}
	d.withdraw = nil
}

// put brings one plan into force. It returns its definition if that must be announced
// anew.
func (h *Host) put(plan *pipeline.Plan) *definition {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.defs, func(d *definition) bool { return same(d.plan, plan) })
	if i < 0 {
		d := &definition{pattern: plan.Def.Pattern, template: plan.Def.Pattern.Template().String(), plan: plan}
		h.defs = append(h.defs, d)
		slices.SortFunc(h.defs, func(a, b *definition) int { return a.pattern.Compare(b.pattern) })
		return d
	}
	d, old := h.defs[i], h.defs[i].plan
	d.plan = plan
	if old == plan || pipeline.Diff(old, plan).None() && old.Def.When == plan.Def.When {
		return nil
	}
	return d
}

// move takes every running instance to the plan in force of the definition that serves
// its path now.
func (h *Host) move(gone []*definition) {
	h.mu.Lock()
	h.defs = slices.DeleteFunc(h.defs, func(d *definition) bool { return slices.Contains(gone, d) })
	type step struct {
		*instance
		plan *pipeline.Plan
	}
	var steps []step
	for _, i := range h.instances {
		d, _ := h.serving(i.path)
		switch {
		case d == nil:
			i.cancel()
		case d != i.def || d.plan != i.plan:
			i.def, i.plan = d, d.plan
			steps = append(steps, step{i, d.plan})
		}
	}
	h.mu.Unlock()
	for _, s := range steps {
		s.graph.Apply(s.plan)
	}
}

// begin announces a definition and starts what runs always.
func (h *Host) begin(d *definition) error {
	var failures []error
	for _, n := range d.plan.Nodes {
		a, ok := n.Factory.(pipeline.Announcer)
		if !ok {
			continue
		}
		withdraw, err := a.Announce(pipeline.Announcement{
			Pattern: d.pattern, When: d.plan.Def.When, Config: n.Config,
			Wake: h.wake,
		})
		if err != nil {
			failures = append(failures, fmt.Errorf("%s#%s: %w", d.pattern, n.Name, err))
			continue
		}
		d.withdraw = append(d.withdraw, withdraw)
	}
	if d.plan.Def.When == pipeline.Always {
		if err := h.wake(d.pattern.String()); err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// wake returns once an instance runs at path.
func (h *Host) wake(path string) error {
	for {
		i, err := h.at(path)
		if err != nil || i.alive() {
			return err
		}
		<-i.done // it is draining: its successor starts when it is gone
	}
}

// at is the instance at path, started if there is none.
func (h *Host) at(path string) (*instance, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() != nil {
		return nil, ErrDraining
	}
	if i := h.instances[path]; i != nil {
		return i, nil
	}
	d, vars := h.serving(path)
	if d == nil {
		return nil, fmt.Errorf("%q: %w", path, ErrNoPipeline)
	}
	if len(h.instances) >= h.opts.MaxInstances {
		return nil, ErrTooMany
	}
	i := newInstance(h, d, path, vars)
	h.instances[path] = i
	h.running.Go(func() { i.run(); h.forget(i) })
	return i, nil
}

// serving is the most specific definition that serves path, or nil. The caller holds h.mu.
func (h *Host) serving(path string) (*definition, map[string]string) {
	for _, d := range h.defs {
		if vars, ok := d.pattern.Match(path); ok {
			return d, vars
		}
	}
	return nil, nil
}

func (h *Host) forget(i *instance) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.instances[i.path] == i {
		delete(h.instances, i.path)
	}
	close(i.done)
}

// Drain ends all instances: no new ones start, sources are told to end, everything
// downstream flushes. It returns when all have ended or when ctx is done, with
// ctx's error then.
func (h *Host) Drain(ctx context.Context) error {
	h.mu.Lock()
	h.cancel()
	h.mu.Unlock()
	ended := make(chan struct{})
	go func() { h.running.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("some streams did not end in time: %w", ctx.Err())
	}
}

// Draining says whether Drain was called.
func (h *Host) Draining() bool { return h.ctx.Err() != nil }

// Limit is how many instances run, and how many may at once.
func (h *Host) Limit() (running, most int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.instances), h.opts.MaxInstances
}

// Declared says whether some definition serves path.
func (h *Host) Declared(path string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.defs, func(d *definition) bool {
		_, ok := d.pattern.Match(path)
		return ok
	})
}

// Plans are the definitions in force, the most specific first.
func (h *Host) Plans() []*pipeline.Plan {
	h.mu.Lock()
	defer h.mu.Unlock()
	plans := make([]*pipeline.Plan, len(h.defs))
	for i, d := range h.defs {
		plans[i] = d.plan
	}
	return plans
}

// Snapshots shows all running instances, ordered by path.
func (h *Host) Snapshots() []Snapshot {
	h.mu.Lock()
	all := make([]*instance, 0, len(h.instances))
	snaps := make([]Snapshot, 0, len(h.instances))
	for _, i := range h.instances {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b *instance) int { return strings.Compare(a.path, b.path) })
	for _, i := range all {
		snaps = append(snaps, Snapshot{Pattern: i.def.template})
	}
	h.mu.Unlock()
	for n, i := range all {
		snaps[n].State, snaps[n].Snapshot = i.state(), i.graph.Snapshot()
	}
	return snaps
}

// Snapshot shows the instance at path, if one runs.
func (h *Host) Snapshot(path string) (s Snapshot, running bool) {
	h.mu.Lock()
	i := h.instances[path]
	if i == nil {
		h.mu.Unlock()
		return s, false
	}
	s.Pattern = i.def.template
	h.mu.Unlock()
	s.State, s.Snapshot = i.state(), i.graph.Snapshot()
	return s, true
}

// Snapshot shows one instance.
type Snapshot struct {
	// Pattern is the definition's, without what is bound for one stream alone.
	Pattern string
	State   State
	pipeline.Snapshot
}
