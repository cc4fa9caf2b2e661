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
// # Damage
//
// What cannot be decoded is counted and left out. Until the next key unit the last
// good picture is repeated in place of damaged ones, so that the outputs' rhythm and
// their key frames stay; after ten seconds without a key unit what there is is shown.
package av
