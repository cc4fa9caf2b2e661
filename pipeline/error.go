package pipeline

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says whose fault an error is and what may help, so that policies need not
// read messages.
type Kind uint8

// The kinds of error.
const (
	// Internal is a defect of ours: a panic, a broken invariant. Also the kind of
	// any error that does not say.
	Internal Kind = iota
	// Config cannot work until somebody changes the configuration.
	Config
	// Format is media that the stage cannot take.
	Format
	// Peer is a peer's misbehaviour or refusal.
	Peer
	// Transient may be gone the next time: a lost connection, a full disk.
	Transient
	// Overrun is a consumer too slow for its input, with the policy to fail.
	Overrun
)

// String is the kind's name in metrics and in the API.
func (k Kind) String() string {
	switch k {
	case Internal:
		return "internal"
	case Config:
		return "config"
	case Format:
		return "format"
	case Peer:
		return "peer"
	case Transient:
		return "transient"
	case Overrun:
		return "overrun"
	default:
		return "unknown"
	}
}

// Error is a failure with its place. Stages set Op, Kind and Err; the runtime
// fills in the rest.
type Error struct {
	Pipeline, Stage string
	// Op is what was being done, a verb or two: "open", "write segment".
	Op   string
	Kind Kind
	Err  error
}

// Fail makes an *Error for a stage to return.
func Fail(kind Kind, op string, err error) *Error { return &Error{Op: op, Kind: kind, Err: err} }

// Failf is Fail with a formatted message.
func Failf(kind Kind, op, format string, args ...any) *Error {
	return Fail(kind, op, fmt.Errorf(format, args...))
}

// Error is "pipeline/stage: op: message", without the parts that are empty.
func (e *Error) Error() string {
	var parts []string
	switch {
	case e.Pipeline != "" && e.Stage != "":
		parts = append(parts, e.Pipeline+"#"+e.Stage)
	case e.Stage != "":
		parts = append(parts, e.Stage)
	}
	if e.Op != "" {
		parts = append(parts, e.Op)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of the outermost *Error in err's chain, or Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
