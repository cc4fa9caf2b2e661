// Package rtmp is the source that serves the RTMP publishers of a pipeline's path
// (Adobe's RTMP 1.0 and Enhanced RTMP v2: H.264, H.265, AV1, AAC, MP3, Opus).
//
// The protocol lives in package rtmpd. [Handler] brings a publisher that it
// accepted to a [Door], where a policy is asked and the instance woken, and the stage
// that sits there takes it over. One publisher at a time is heard: the newest one, if
// it comes by the same permission as the one before (access.Pass), who is told so and
// closed, and nothing that he sent later gets out. A permission that ends ends the
// publisher too.
//
// A publisher that goes away is waited for during the configured grace. When it, or
// another one, comes in time, the stream goes on on the same timeline, marked as a
// discontinuity, as much later as time has passed (package timeline). After that a
// stage of an instance that a publisher started ends.
//
// The set of tracks is announced when picture and sound are both known, or shortly
// after the first unit when only one of them comes. Units that arrive before are
// kept until then. A track that begins later, changes its parameters, or ends makes
// a new set; sound that has been missing for seconds counts as ended, so that
// nobody waits for it.
package rtmp
