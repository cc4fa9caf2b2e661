// Package rtp is the lossless bridge from access units to RTP packets. The planner
// inserts it where a consumer takes RTP and the producer has access units; it is
// shared by all such consumers, so that a unit is packetised once, whatever the
// number of viewers.
//
// Tracks keep their IDs, layers, clocks and configurations; only their form changes.
// Tracks of a codec that browsers do not take by RTP, such as AAC, are left out.
// Tracks that come as RTP pass untouched.
//
// The packets of a unit follow each other. The first packet of a key unit, and no
// other, has media.Key, so that a reader that starts at a key unit starts with its
// parameter sets; the last has media.FrameEnd. Sequence numbers rise by one for each
// track and layer, timestamps are the lower 32 bits of PTS, payload type and SSRC are
// 0: a session puts its own there.
package rtp
