package pipeline

import (
	"fmt"
	"time"
)

// When says what starts the instances of a definition.
type When uint8

// The start conditions.
const (
	// Published: a publisher's arrival starts an instance; its end stops it.
	Published When = iota
	// Demanded: the first viewer starts an instance; it stops after Linger
	// without any.
	Demanded
	// Always: one instance runs from start to drain. The pattern has no variables.
	Always
)

// String is the word that YAML uses.
func (w When) String() string {
	switch w {
	case Published:
		return "published"
	case Demanded:
		return "demanded"
	case Always:
		return "always"
	default:
		return "unknown"
	}
}

// ParseWhen is the inverse of String; "" is Published.
func ParseWhen(s string) (When, error) {
	switch s {
	case "", "published":
		return Published, nil
	case "demanded":
		return Demanded, nil
	case "always":
		return Always, nil
	default:
		return 0, fmt.Errorf("%q is none of published, demanded, always", s)
	}
}

// Adapt says which conversions the planner may insert in front of a stage.
type Adapt uint8

// The degrees of adaptation. Lossless bridges are always allowed.
const (
	AdaptAuto  Adapt = iota // audio and video may be transcoded
	AdaptAudio              // only audio may be transcoded
	AdaptNone               // nothing is transcoded
)

// String is the word that YAML uses.
func (a Adapt) String() string {
	switch a {
	case AdaptAuto:
		return "auto"
	case AdaptAudio:
		return "audio"
	case AdaptNone:
		return "none"
	default:
		return "unknown"
	}
}

// ParseAdapt is the inverse of String; "" is AdaptAuto.
func ParseAdapt(s string) (Adapt, error) {
	switch s {
	case "", "auto":
		return AdaptAuto, nil
	case "audio":
		return AdaptAudio, nil
	case "none":
		return AdaptNone, nil
	default:
		return 0, fmt.Errorf("%q is none of auto, audio, none", s)
	}
}

// Definition is a declared pipeline: a pattern of paths and a graph of stages.
type Definition struct {
	Pattern Pattern
	When    When
	// Linger is how long an instance outlives its last viewer (Demanded).
	Linger time.Duration
	Adapt  Adapt
	// Stages in the order of declaration, names unique.
	Stages []StageDef
}

// StageDef is one declared stage.
type StageDef struct {
	Name string
	// Use is the stage's type.
	Use string
	// Config is a checked value of the type that the factory's Config makes.
	Config any
	From   []From
	// Restart overrides the policy that goes by the kind of error.
	Restart Restart
}

// From is one edge, seen from its consumer.
type From struct {
	// Stage and Port name the producer's output; Port "" means its only one.
	Stage, Port string
	// To names the consumer's input port; "" means its only one.
	To    string
	Queue Queue
}

// Restart says what happens after a failure.
type Restart uint8

// The restart policies.
const (
	RestartAuto   Restart = iota // by kind of error, with backoff, for ever
	RestartNever                 // the first failure is final
	RestartAlways                // whatever the kind, with backoff
)

// String is the word that YAML uses.
func (r Restart) String() string {
	switch r {
	case RestartAuto:
		return "auto"
	case RestartNever:
		return "never"
	case RestartAlways:
		return "always"
	default:
		return "unknown"
	}
}

// ParseRestart is the inverse of String; "" is RestartAuto.
func ParseRestart(s string) (Restart, error) {
	switch s {
	case "", "auto":
		return RestartAuto, nil
	case "never":
		return RestartNever, nil
	case "always":
		return RestartAlways, nil
	default:
		return 0, fmt.Errorf("%q is none of auto, never, always", s)
	}
}
