// Package rtmp pushes a stream to RTMP and RTMPS servers: platforms, CDNs, other Weirs
// (Adobe's RTMP specification 1.0, Enhanced RTMP v2).
//
//	input ─▶ stage ─▶ hold ─▶ target ─▶ rtmpd.Client ─▶ server
//	         silence  GOPs     state machine, watchdog
//
// The stage reads its input and never waits. Each target, the primary and perhaps a
// backup, has a hold: what it has not sent yet, bounded in time and bytes, and the GOP
// that it is in the middle of. A target that is slow loses the rest of a GOP, and no
// sound; one that was away begins with sequence headers and a key frame, of the GOP in
// which it went if that is still held. Timestamps go on through all of it.
//
// A target is connecting, live, stalled, in backoff or failed, with a reason that is one
// of a few words and a sentence for people. It never gives up. Neither URLs nor keys are
// logged or shown, but for the host.
package rtmp
