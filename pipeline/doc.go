// Package pipeline is the graph runtime: it checks a declared graph of stages,
// plans it, runs it, restarts what fails and shows what happens.
//
// A [Definition] (usually read from YAML by package config) names stages and
// what each reads from. [NewPlan] turns it into a [Plan]: every stage resolved
// in the [Registry], every edge checked, the bridges and conversions that edges
// need inserted as stages of their own. A [Graph] runs a plan. It owns one
// goroutine a stage; stages own everything else.
//
// Media flows one way, from outputs to inputs. Each [Output] is a ring with one
// writer (package ring) and each [Input] is a cursor on such a ring, so no
// consumer can delay another one, nor its producer. [media.Feedback] flows the
// other way, merged over all consumers.
//
// A failing stage is a failure domain of its own: it is restarted with a backoff
// that depends on the [Kind] of the error, its consumers keep their cursors on
// its output, and nobody else notices.
package pipeline
