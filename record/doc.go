// Package record records a stream into a store, in segments of fragmented MP4 that a
// player can read from there as HLS while the recording grows and afterwards.
//
// A recorder, which belongs to the stage's Run, turns units into fragments of about a
// second and says where segments begin: at key frames of the first video track, or
// after a while without. It gives them to a [spool.Writer] and never waits for it; a
// disk that cannot follow pauses the recording, and delays nobody. From the spool they
// get into the store, see package spool.
//
// One recording goes on through reconnects of the publisher and changes of parameters,
// with a discontinuity. Time stays the instance's: what was missing stays missing, and
// sound and picture stay in step.
//
// A [Depot] holds the spools of a process. It opens those of all declared recordings
// when the server starts, so that what an earlier process has left is uploaded although
// nobody publishes.
package record
