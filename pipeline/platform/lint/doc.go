// Package lint says in words what of a stream is not as a platform wants it, and which
// setting of the encoder to change.
//
//	tracks, units ─▶ Meter ─▶ Facts ─┐
//	                 platform.Preset ┴▶ Check ─▶ Findings
//
// Check is a function of its arguments: facts may just as well be foreseen from a
// configuration. What is not known breaks no rule. Rule ids never change.
//
// One rule is not here because nothing decodes the sound: audio_clipping.
package lint
