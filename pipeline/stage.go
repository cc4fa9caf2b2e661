package pipeline

import "context"

// Stage is one node of a running graph: a source, a transform or a sink. Authors
// write small synchronous code: restart, backoff, drain, counting and queueing
// are the runtime's work.
type Stage interface {
	// Run moves items from p's inputs to p's outputs. It returns nil when all its
	// inputs have ended (Recv reports io.EOF) and it has flushed what it held, or,
	// for a source, when there is nothing more to send or ctx is cancelled. Any
	// other return is a failure and goes to the restart policy; an *[Error] says
	// which kind. For a stage with inputs a cancelled ctx means "stop at once".
	//
	// Run is called once per Stage value. Every goroutine it started has ended
	// when it returns.
	Run(ctx context.Context, p *Ports) error
}

// Opener is a Stage that must prepare something that can fail before media
// flows: a port, a directory, a worker process. Open is called once, before Run;
// sinks are opened before what feeds them. What Open acquires, Run releases
// before it returns, and if Open fails it leaves nothing behind. Run follows
// every successful Open, if need be with inputs that have already ended.
type Opener interface {
	Open(ctx context.Context) error
}

// Reconfigurer is a Stage that can take a changed configuration while it runs.
// cfg is of the type that its Factory decodes. It returns false when it would
// rather be restarted with the new one. It is called concurrently with Run.
type Reconfigurer interface {
	Reconfigure(cfg any) (bool, error)
}

// Describer is a Stage that has something of its own to show in the API and the
// UI. Describe returns a value for encoding/json, quickly, concurrently with Run.
// What crosses the stage's edges is counted by the runtime and not repeated here.
type Describer interface {
	Describe() any
}

// Measurer is a Stage with figures of its own for the metrics, beside what the runtime
// counts. Measure is called as Describe is.
type Measurer interface {
	Measure() []Figure
}

// Controller is a Stage that can be told to change while it runs, in a way that is not
// worth a configuration: the layout of a mix, the place of an overlay. body is JSON of
// the stage's own, of any origin; an error says in words what is wrong with it, and then
// nothing has changed. It is called concurrently with Run.
type Controller interface {
	Control(body []byte) error
}
