// Package load makes load: RTMP publishers that send a made-up stream, and players
// that read a stream as hls.js does. It is cheap, so that a machine can measure a
// server beside it: the publishers' bytes are laid out once and shared by all of
// them, and the players speak HTTP by hand and read each playlist once for all.
package load
