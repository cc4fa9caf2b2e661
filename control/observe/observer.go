package observe

import (
	"context"
	"slices"
	"sync"
	"time"

	"weir/pipeline"
	"weir/pipeline/instance"
)

// Times of the Observer.
const (
	// every is how often a Sample is taken.
	every = time.Second
	// fresh is how old a Sample may be for somebody who asks, so that many who ask at
	// once cost as much as one.
	fresh = 100 * time.Millisecond
	// window is the least time over which a rate is measured.
	window = 500 * time.Millisecond
	// still is how long nothing moves before an edge is called stalled.
	still = 2 * time.Second
	// steady is how long a stage runs before it counts as recovered.
	steady = 5 * time.Second
)

// Observer takes Samples. Its methods may be called from any goroutine.
type Observer struct {
	snapshots func() []instance.Snapshot
	ways      Ways
	log       *Log

	mu      sync.Mutex // guards what follows
	last    *Sample
	streams map[string]*watched
	next    chan struct{} // closed when there is another Sample
}

// New makes an Observer of what snapshots shows, which publishes what has changed.
func New(snapshots func() []instance.Snapshot, ways Ways, log *Log) *Observer {
	return &Observer{
		snapshots: snapshots, ways: ways, log: log, last: &Sample{},
		streams: make(map[string]*watched), next: make(chan struct{}),
	}
}

// Log is where the Observer publishes.
func (o *Observer) Log() *Log { return o.log }

// Run takes Samples until ctx ends.
func (o *Observer) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			o.take()
		case <-ctx.Done():
			return
		}
	}
}

// Now is a Sample of this moment, or one that is hardly older.
func (o *Observer) Now() *Sample {
	o.mu.Lock()
	last := o.last
	o.mu.Unlock()
	if time.Since(last.At) < fresh {
		return last
	}
	return o.take()
}

// Latest is the Sample that was taken last, and a channel that is closed when there is
// another one.
func (o *Observer) Latest() (*Sample, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last, o.next
}

func (o *Observer) take() *Sample {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	s := &Sample{At: now}
	running := o.snapshots()
	for i := range running {
		snap := &running[i]
		w := o.streams[snap.Path]
		if w == nil || !w.epoch.Equal(snap.Epoch) {
			w = newWatched(snap.Path, snap.Epoch)
			o.streams[snap.Path] = w
		}
		w.seen = now
		s.streams = append(s.streams, w.sample(snap, now, &o.ways, o.log))
	}
	for path, w := range o.streams {
		if !w.seen.Equal(now) {
			delete(o.streams, path)
		}
	}
	o.last = s
	close(o.next)
	o.next = make(chan struct{})
	return s
}

// watched is what the Observer remembers of a stream.
type watched struct {
	path    string
	epoch   time.Time
	seen    time.Time
	edges   map[edgeKey]*meter
	sources map[sourceKey]*meter
	stages  map[string]*patient
	bitrate int64 // of what comes in, in bit/s
	summary summary
}

type edgeKey struct{ from, fromPort, to, port string }

type sourceKey struct{ stage, port string }

func newWatched(path string, epoch time.Time) *watched {
	return &watched{
		path: path, epoch: epoch, edges: make(map[edgeKey]*meter),
		sources: make(map[sourceKey]*meter), stages: make(map[string]*patient),
	}
}

// sample measures a stream, and publishes what has changed.
func (w *watched) sample(snap *instance.Snapshot, now time.Time, ways *Ways, log *Log) *view {
	v := &view{snap: snap, rates: make([]rate, len(snap.Edges))}
	bytes := 0.0
	for i := range snap.Stages {
		st := &snap.Stages[i]
		w.check(st, now, log)
		for j := range st.Outputs {
			out := &st.Outputs[j]
			m := grow(w.sources, sourceKey{st.Name, out.Port}, now)
			m.add(now, counts{units: out.Units, bytes: uint64(out.Bytes)})
			if st.Role == pipeline.Source {
				bytes += m.bytes
			}
		}
	}
	for i := range snap.Edges {
		e := &snap.Edges[i]
		m := grow(w.edges, edgeKey{e.From, e.FromPort, e.To, e.Port}, now)
		m.add(now, counts{e.Units, e.Bytes, e.Pictures, e.Overran, e.Keyless})
		v.rates[i] = w.judge(snap, e, m, now)
	}
	prune(w.edges, now)
	prune(w.sources, now)
	for name, p := range w.stages {
		if !p.seen.Equal(now) {
			delete(w.stages, name)
		}
	}
	w.bitrate = int64(bytes * 8)
	v.Stream = w.stream(snap, now, ways)
	return v
}

func grow[K comparable](ms map[K]*meter, k K, now time.Time) *meter {
	m := ms[k]
	if m == nil {
		m = &meter{moved: now}
		ms[k] = m
	}
	return m
}

func prune[K comparable](ms map[K]*meter, now time.Time) {
	for k, m := range ms {
		if !m.seen.Equal(now) {
			delete(ms, k)
		}
	}
}

// patient is what is known of the health of a stage.
type patient struct {
	seen     time.Time
	failures uint64
	failed   bool
	findings []pipeline.Finding
}

// Failure is what is told of a stage that failed.
type Failure struct {
	Use     string `json:"use"`
	Kind    string `json:"kind"`
	Message string `json:"message"`
	State   string `json:"state"`
}

// Lint is what is told of a rule that a stream has begun to break, or to keep again.
type Lint struct {
	pipeline.Finding
	Use      string `json:"use"`
	Resolved bool   `json:"resolved"`
}

// check publishes what has changed with a stage.
func (w *watched) check(st *pipeline.StageSnapshot, now time.Time, log *Log) {
	p := w.stages[st.Name]
	if p == nil {
		p = &patient{}
		w.stages[st.Name] = p
	}
	p.seen = now
	say := func(kind string, data any) {
		log.Publish(Event{Type: kind, Stream: w.path, Stage: st.Name, Data: data})
	}
	var failures uint64
	for _, n := range st.Restarts {
		failures += n
	}
	switch again := failures != p.failures; {
	case again && !p.failed && st.Failure != nil:
		say("stage.failed", Failure{st.Use, st.Failure.Kind.String(), messageOf(st.Failure), st.State.String()})
		p.failed = true
	case p.failed && !again && st.State == pipeline.Running && now.Sub(st.Since) >= steady:
		say("stage.recovered", map[string]any{"use": st.Use})
		p.failed = false
	}
	p.failures = failures
	if st.State != pipeline.Running { // what a stage has to say is not known between two runs
		return
	}
	was := p.findings
	p.findings = st.Report.Findings
	for _, f := range without(p.findings, was) {
		say("stream.lint", Lint{Finding: f, Use: st.Use})
	}
	for _, f := range without(was, p.findings) {
		say("stream.lint", Lint{Finding: f, Use: st.Use, Resolved: true})
	}
}

// without are findings of rules that others are not about.
func without(all, others []pipeline.Finding) []pipeline.Finding {
	var left []pipeline.Finding
	for _, f := range all {
		if !slices.ContainsFunc(others, func(o pipeline.Finding) bool { return o.Rule == f.Rule && o.Severity == f.Severity }) {
			left = append(left, f)
		}
	}
	return left
}
