// Package switcher chooses one of several sources: type ingest/switch. It is what
// stands behind `use: [ingest/rtmp, ingest/whip]`, and serves as well for a main and
// a backup source. (Its folder is called switch, which Go keeps for itself.)
//
// One input is on air. Another one takes over when the policy says so, and at a key
// unit, so that no picture is broken. With the policy "newest", that is when its
// publisher begins; with "order", when it stands before the one on air in `from` and
// has been on for a second. With either, whichever input is on takes over when the
// one on air has been silent for two seconds.
//
// What comes out is one stream: the tracks of the input on air, with time that goes
// on. All sources of an instance count from one epoch, so time needs at most a small
// shift; the first unit of each track after a change is marked as a discontinuity.
package switcher
