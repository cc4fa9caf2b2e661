// Package av is the wall around libav (FFmpeg 8): it decodes, scales, resamples and
// encodes what a job of package wire asks for. It is the only importer of go-astiav,
// and only worker processes import it.
//
// Everything but this file needs cgo, the build tag libav and the libraries, which
// scripts/libav.sh finds or builds; without the tag the package is empty.
//
// # What goes through
//
// An [Engine] takes the messages that a server sends and makes those that it gets
// back. Each track has a lane: a goroutine that decodes, behind a bounded queue, so
// that sound never waits for pictures. The pictures of one decoder go to all encoders
// of the track, each in a goroutine of its own, as references: they are never copied
// and never in Go's memory. Coded packets are copied once on each side of the wall.
//
// # Time
//
// Decoders are given timestamps in ticks of the source's clock and give them back
// with the pictures, so that a picture's time goes through exactly. Sound is counted
// in samples of 48 kHz from its first timestamp on; a resampler stretches it by at
// most 2 % to stay on the source's timestamps, fills gaps with silence, and starts
// anew where a gap is longer than two seconds.
//
// # Mixes
//
// The inputs of a mix are decoded in lanes like any other track. One clock, of which
// the newest input is the hand, says when a moment can be composed: once all inputs
// have reached it, or the latency is over. What is decoded late is waited for, what
// came late is not. A canvas then draws the pictures of that moment, each scaled once
// in the size in which it is shown, and hands them to a ladder; beside it a mixdown
// sums the sound (package bus). Both count moments since the epoch, so that none is
// missing or doubled, and what an input gave for a time leaves at that time.
//
// # Damage
//
// What cannot be decoded is counted and left out. Until the next key unit the last
// good picture is repeated in place of damaged ones, so that the outputs' rhythm and
// their key frames stay; after ten seconds without a key unit what there is is shown.
package av
