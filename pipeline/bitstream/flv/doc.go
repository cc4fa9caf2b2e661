// Package flv reads and writes the tags of Flash Video, which RTMP carries as its
// audio, video and data messages: the legacy form (Adobe Flash Video File Format
// Specification 10.1, annex E) and Enhanced RTMP v2 (veovera.org).
//
// [Demuxer] turns tags into tracks and coded units, [SequenceHeader] and [Mux]
// turn them back, [Reader] and [Writer] do files. None of them touches time: a
// [Unit] has its 32 bit milliseconds as they were on the wire, wrapping and
// jumping as the sender pleased. Package timeline makes sense of them.
package flv
