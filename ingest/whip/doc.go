// Package whip is the source that serves the WebRTC publishers of a pipeline's path:
// browsers, OBS, GStreamer, FFmpeg (WHIP, RFC 9725), with H.264, H.265, AV1, VP9, VP8
// and Opus, in one layer or several (simulcast, RFC 8853).
//
// A publisher POSTs its offer to /live/studio/whip, with the key as bearer token (or,
// without headers, as one more segment of the path or as ?token=), and is answered with all candidates and with the address of its session, which takes
// PATCH (candidates, an ICE restart) and DELETE. The endpoint brings it to a Door,
// where the stage of its path takes it over as soon as its first packet has come: an
// offer that leads to nothing disturbs nobody. One publisher at a time is heard: the
// newest one, if it comes by the same permission as the one before. One that goes away is waited for during the configured
// grace, as with ingest/rtmp.
//
// The output carries RTP packets as they came, in order. Tracks are "video", with a
// layer for each simulcast layer in the order in which they were offered, and "audio".
// A layer may be silent for as long as the publisher likes. Sequence numbers rise by
// one, but where packets were lost. Requests for key frames go to the publisher; lost
// packets ask for one too.
package whip
