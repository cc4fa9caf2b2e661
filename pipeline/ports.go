package pipeline

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"weir/pipeline/media"
	"weir/pipeline/ring"
)

// Queue is a consumer's answer to falling behind on one edge. The zero Queue is
// DropGOP over the producer's default bounds.
type Queue struct {
	Overrun ring.Policy
	// Hold is how far behind the consumer may be, in time between arrivals; 0
	// means DefaultHold.
	Hold time.Duration
	// Bytes is how far behind it may be in payload bytes; 0 means DefaultBytes.
	Bytes int64
}

// What an output keeps for its consumers unless one of them asks for more.
const (
	DefaultHold        = 10 * time.Second
	DefaultBytes int64 = 32 << 20
)

func (q Queue) bounds() ring.Bounds {
	b := ring.Bounds{Duration: q.Hold, Bytes: q.Bytes}
	if b.Duration <= 0 {
		b.Duration = DefaultHold
	}
	if b.Bytes <= 0 {
		b.Bytes = DefaultBytes
	}
	return b
}

// Ports are the inputs and outputs of one run of a stage.
type Ports struct {
	in      []*Input
	out     []*Output
	viewers *atomic.Int64
	changed func()
	again   func() bool
	idle    func(bool)
}

// In is the first input connected to the port of that name, or nil.
func (p *Ports) In(name string) *Input {
	if i := slices.IndexFunc(p.in, func(in *Input) bool { return in.port == name }); i >= 0 {
		return p.in[i]
	}
	return nil
}

// Ins lists all inputs connected to a port that takes many.
func (p *Ports) Ins(name string) []*Input {
	var ins []*Input
	for _, in := range p.in {
		if in.port == name {
			ins = append(ins, in)
		}
	}
	return ins
}

// Out is the output of that name, or nil.
func (p *Ports) Out(name string) *Output {
	if i := slices.IndexFunc(p.out, func(o *Output) bool { return o.port == name }); i >= 0 {
		return p.out[i]
	}
	return nil
}

// Continues says, once the inputs have ended, whether another run of the stage
// follows at once, because its configuration or its inputs have changed. Then the
// stream is not over, and viewers should not be told that it is.
func (p *Ports) Continues() bool { return p.again() }

// SetIdle says that a source has had nobody to serve for long enough that the
// instance may end on its account, or that this is over; false to begin with. When
// all sources of a graph are idle they are told to end. It never blocks.
func (p *Ports) SetIdle(idle bool) { p.idle(idle) }

// SetViewers says how many viewers the stage serves at present. It keeps a
// demanded instance alive. It never blocks; any goroutine may call it.
func (p *Ports) SetViewers(n int) {
	if p.viewers.Swap(int64(n)) != int64(n) {
		p.changed()
	}
}

// Input is a stage's end of an edge: a cursor on some stage's Output.
type Input struct {
	port   string
	origin string
	cursor *ring.Cursor
	output *Output
	want   func(bool)
	nap    atomic.Int64 // time.Duration: see Nap
}

// Origin is the name of the declared stage that the input reads from, through whatever
// the planner has inserted.
func (in *Input) Origin() string { return in.origin }

// Recv is the next item, waiting for it if need be: the TrackSet in force first,
// and again whenever it changed. It returns io.EOF when there will be no more,
// ctx's error, or an Overrun error if the edge's policy is to fail. One goroutine
// at a time may call it.
func (in *Input) Recv(ctx context.Context) (media.Item, error) {
	item, err := in.cursor.Next(ctx)
	return item, overrunKind(err)
}

// TryRecv is Recv without waiting: nil, nil says that nothing is there yet.
func (in *Input) TryRecv() (media.Item, error) {
	item, err := in.cursor.TryNext()
	return item, overrunKind(err)
}

// Nap says that the stage is content with what it receives being up to d late. Recv
// then returns many items at a time rather than one as soon as it is there, which is
// much cheaper. 0 undoes it. It is for the goroutine that calls Recv.
func (in *Input) Nap(d time.Duration) {
	in.cursor.Nap(d)
	in.Spare(d)
}

// Spare says the same to what is before the stage alone: Recv returns an item as soon
// as it is there, but a source may take in many at a time.
func (in *Input) Spare(d time.Duration) { in.nap.Store(int64(d)) }

// Ask sends feedback to the producer. It never blocks; any goroutine may call it.
func (in *Input) Ask(f media.Feedback) { in.output.feedback.ask(in, f) }

// Want says whether the stage has a use for items now; true to begin with. A
// conversion that the planner inserted runs only while somebody wants its output.
func (in *Input) Want(wanted bool) { in.want(wanted) }

func overrunKind(err error) error {
	if err == ring.ErrOverrun { //nolint:errorlint // package ring returns it bare
		return Fail(Overrun, "receive", err)
	}
	return err
}
