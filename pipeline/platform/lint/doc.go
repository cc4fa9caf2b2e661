// Package lint says in words what of a stream is not as a platform wants it, and which
// setting of the encoder to change.
//
//	tracks, units ─▶ Meter ─▶ Facts ─┐
//	                 platform.Preset ┴▶ Check ─▶ Findings
//
// Check is a function of its arguments: facts may just as well be foreseen from a
// configuration. What is not known breaks no rule. Rule ids never change.
//
// One rule, audio_clipping, needs sound that is decoded, which no Meter has: nothing in a
// coded frame tells its peaks (AAC's global_gain scales a spectrum, not samples), and to
// decode in a worker only to look would cost more than all else that a push does. It is
// reported where sound is decoded anyway, by transcode/mixer for each participant.
package lint
