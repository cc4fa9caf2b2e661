// Package load makes load: publishers that send a made-up stream, by RTMP or WHIP,
// and viewers by WHEP or, as hls.js does, by low-latency HLS. It is cheap, so that a
// machine can measure a server beside it: what publishers send is laid out once and
// shared by all of them, HTTP is spoken by hand where it matters, and a WebRTC viewer
// is a socket and a goroutine (package peer).
//
// What it measures is what a viewer would: losses by sequence numbers, pictures by
// their marker, and the delay by the time that a publisher of this package writes into
// each picture.
package load
