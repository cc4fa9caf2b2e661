// Package access is the lossless bridge from RTP packets to access units. The
// planner inserts it where a consumer, such as HLS, takes access units and the
// producer has RTP.
//
// Packets are brought into order first, with a wait for those that are missing; then
// the units are put together in normal form. Nothing comes out that cannot be
// decoded: where a packet is lost for good, a layer goes on at its next key unit,
// which is marked as a gap, and the bridge asks for one.
//
// A track appears in the output when its decoder configuration is known: at once for
// Opus and where the producer knows it, else with the first key unit. Parameter sets
// that change in band make a new track. Where a track has several layers, each has
// the configuration in Layer.Config, and one that has not been seen yet has none.
// Tracks that come as access units pass untouched.
//
// The producer sends packets as they arrive, in any order and also those without
// payload (padding, probes): a sequence number that never comes is a loss here.
package access
