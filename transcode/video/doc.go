// Package video is the stage that codes pictures anew, as H.264: in several layers from
// one decode, for HLS variants and for WebRTC viewers who get the one that their path
// takes. With `source: true` a layer is the incoming stream itself, without any coding.
// Sound passes untouched. A worker runs only while there are pictures to convert
// (package transcode/worker).
//
// Key units stand at the same instants in all layers. Where a layer is the source, they
// stand where the source has them.
//
// The planner inserts the stage as ~nobframes in front of consumers that cannot show
// pictures in another order than they arrive in, as WebRTC cannot, and as ~h264 in
// front of those that lack a codec. Then it makes one layer of the size and the frame
// rate of the source. A stream without B-frames, by its parameter sets or by its
// pictures, passes.
//
// A simulcast publisher's highest layer is what is converted; the others are left out.
package video
