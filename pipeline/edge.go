package pipeline

import (
	"sync"

	"weir/pipeline/media"
	"weir/pipeline/ring"
)

// edge is the consumer's end of a connection, with counters that outlive the runs
// of the consumer.
type edge struct {
	plan Edge
	to   string
	from *node

	mu     sync.Mutex // guards what follows
	input  *Input     // of the present run; nil between runs
	wanted bool
	past   ring.CursorStats // of the runs before
}

func newEdge(plan Edge, to string, from *node) *edge { return &edge{plan: plan, to: to, from: from} }

// attach gives the next run of the consumer its place on the producer's output, which
// it wants from the beginning on or not.
func (e *edge) attach(wanted bool) *Input {
	out := e.from.output(e.plan.FromPort)
	in := &Input{port: e.plan.Port, origin: e.plan.Origin, output: out, want: e.want}
	in.cursor = out.ring.Cursor(ring.Options{
		Policy: e.plan.Queue.Overrun,
		Bounds: e.plan.Queue.bounds(),
		Ask:    func(r media.KeyframeRequest) { in.Ask(r) },
	})
	e.mu.Lock()
	e.input = in
	e.mu.Unlock()
	out.feedback.join(in)
	e.want(wanted)
	return in
}

// detach ends a run's input.
func (e *edge) detach() {
	e.want(false)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.input == nil {
		return
	}
	e.input.cursor.End()
	e.input.output.feedback.leave(e.input)
	e.past = addStats(e.past, e.input.cursor.Stats())
	e.input = nil
}

// end makes the input of the present run report io.EOF.
func (e *edge) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.input != nil {
		e.input.cursor.End()
	}
}

func (e *edge) want(wanted bool) {
	e.mu.Lock()
	changed := e.wanted != wanted
	e.wanted = wanted
	e.mu.Unlock()
	if changed {
		e.from.wantedBy(wanted)
	}
}

// stats counts all runs together.
func (e *edge) stats() ring.CursorStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.input == nil {
		return e.past
	}
	now := e.input.cursor.Stats()
	sum := addStats(e.past, now)
	sum.Queued, sum.Lag = now.Queued, now.Lag
	return sum
}

func addStats(a, b ring.CursorStats) ring.CursorStats {
	return ring.CursorStats{
		Delivered: a.Delivered + b.Delivered,
		Bytes:     a.Bytes + b.Bytes,
		Pictures:  a.Pictures + b.Pictures,
		Overran:   a.Overran + b.Overran,
		Keyless:   a.Keyless + b.Keyless,
		Lost:      a.Lost + b.Lost,
	}
}
