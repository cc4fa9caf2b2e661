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

// Options configure a Manager.
type Options struct {
	Log *slog.Logger
	// Drain is how long the stages of an instance may take to flush; 0 means
	// pipeline.DefaultDrain.
	Drain time.Duration
	// MaxInstances bounds how many run at once; 0 means DefaultMaxInstances.
	MaxInstances int
}

// DefaultMaxInstances is the bound unless Options say otherwise.
const DefaultMaxInstances = 1000

// Manager keeps all definitions and the instances that run of them.
type Manager struct {
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
	plan     *pipeline.Plan // guarded by the Manager's mu
	withdraw []func()       // guarded by the Manager's reload
}

// NewManager makes a Manager with nothing to run yet.
func NewManager(opts Options) *Manager {
	if opts.MaxInstances <= 0 {
		opts.MaxInstances = DefaultMaxInstances
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Manager{opts: opts, ctx: ctx, cancel: cancel, instances: make(map[string]*instance)}
}

// Apply makes plans the definitions in force: new ones are announced, and started
// if they run always; those that are gone are drained; changed ones are applied to
// their running instances. What did not change is not touched. It fails if an
// address cannot be announced; the rest is in force then all the same.
func (m *Manager) Apply(plans []*pipeline.Plan) error {
	m.reload.Lock()
	defer m.reload.Unlock()
	var failures []error
	for _, d := range m.gone(plans) {
		m.drop(d)
	}
	for _, plan := range plans {
		if err := m.put(plan); err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// gone lists the definitions that have no plan any more.
func (m *Manager) gone(plans []*pipeline.Plan) []*definition {
	m.mu.Lock()
	defer m.mu.Unlock()
	var gone []*definition
	for _, d := range m.defs {
		if !slices.ContainsFunc(plans, func(p *pipeline.Plan) bool { return same(d.plan, p) }) {
			gone = append(gone, d)
		}
	}
	return gone
}

func same(a, b *pipeline.Plan) bool { return a.Def.Pattern.String() == b.Def.Pattern.String() }

func (m *Manager) drop(d *definition) {
	for _, withdraw := range d.withdraw {
		withdraw()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.defs = slices.DeleteFunc(m.defs, func(o *definition) bool { return o == d })
	for _, i := range m.instances {
		if i.def == d {
			i.cancel()
		}
	}
}

// put brings one plan into force.
func (m *Manager) put(plan *pipeline.Plan) error {
	m.mu.Lock()
	i := slices.IndexFunc(m.defs, func(d *definition) bool { return same(d.plan, plan) })
	if i < 0 {
		d := &definition{pattern: plan.Def.Pattern, plan: plan}
		m.defs = append(m.defs, d)
		slices.SortFunc(m.defs, func(a, b *definition) int { return a.pattern.Compare(b.pattern) })
		m.mu.Unlock()
		return m.begin(d)
	}
	d, old := m.defs[i], m.defs[i].plan
	d.plan = plan
	var running []*instance
	for _, in := range m.instances {
		if in.def == d {
			running = append(running, in)
		}
	}
	m.mu.Unlock()
	if !pipeline.Diff(old, plan).None() || old.Def.When != plan.Def.When {
		for _, in := range running {
			in.graph.Apply(plan)
		}
		for _, withdraw := range d.withdraw {
			withdraw()
		}
		return m.begin(d)
	}
	return nil
}

// begin announces a definition and starts what runs always.
func (m *Manager) begin(d *definition) error {
	d.withdraw = nil
	var failures []error
	for _, n := range d.plan.Nodes {
		a, ok := n.Factory.(pipeline.Announcer)
		if !ok {
			continue
		}
		withdraw, err := a.Announce(pipeline.Announcement{
			Pattern: d.pattern, When: d.plan.Def.When, Config: n.Config,
			Wake: func(path string) error { return m.wake(d, path) },
		})
		if err != nil {
			failures = append(failures, fmt.Errorf("%s#%s: %w", d.pattern, n.Name, err))
			continue
		}
		d.withdraw = append(d.withdraw, withdraw)
	}
	if d.plan.Def.When == pipeline.Always {
		if err := m.wake(d, d.pattern.String()); err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// wake returns once an instance of d runs at path.
func (m *Manager) wake(d *definition, path string) error {
	vars, ok := d.pattern.Match(path)
	if !ok {
		return fmt.Errorf("%q: %w", path, ErrNoPipeline)
	}
	for {
		i, err := m.at(d, path, vars)
		if err != nil || i.alive() {
			return err
		}
		<-i.done // it is draining: its successor starts when it is gone
	}
}

// at is the instance at path, started if there is none.
func (m *Manager) at(d *definition, path string, vars map[string]string) (*instance, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx.Err() != nil {
		return nil, ErrDraining
	}
	if i := m.instances[path]; i != nil {
		return i, nil
	}
	if len(m.instances) >= m.opts.MaxInstances {
		return nil, ErrTooMany
	}
	i := newInstance(m, d, path, vars)
	m.instances[path] = i
	m.running.Go(func() { i.run(); m.forget(i) })
	return i, nil
}

func (m *Manager) forget(i *instance) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.instances[i.path] == i {
		delete(m.instances, i.path)
	}
	close(i.done)
}

// Drain ends all instances: no new ones start, sources are told to end, everything
// downstream flushes. It returns when all have ended or when ctx is done, with
// ctx's error then.
func (m *Manager) Drain(ctx context.Context) error {
	m.mu.Lock()
	m.cancel()
	m.mu.Unlock()
	ended := make(chan struct{})
	go func() { m.running.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("some streams did not end in time: %w", ctx.Err())
	}
}

// Draining says whether Drain was called.
func (m *Manager) Draining() bool { return m.ctx.Err() != nil }

// Declared says whether some definition serves path.
func (m *Manager) Declared(path string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.defs, func(d *definition) bool {
		_, ok := d.pattern.Match(path)
		return ok
	})
}

// Snapshots shows all running instances, ordered by path.
func (m *Manager) Snapshots() []Snapshot {
	m.mu.Lock()
	all := make([]*instance, 0, len(m.instances))
	for _, i := range m.instances {
		all = append(all, i)
	}
	m.mu.Unlock()
	slices.SortFunc(all, func(a, b *instance) int { return strings.Compare(a.path, b.path) })
	snaps := make([]Snapshot, len(all))
	for n, i := range all {
		snaps[n] = Snapshot{Pattern: i.def.pattern.String(), State: i.state(), Snapshot: i.graph.Snapshot()}
	}
	return snaps
}

// Snapshot shows one instance.
type Snapshot struct {
	Pattern string
	State   State
	pipeline.Snapshot
}
