// Package hls serves a stream as HTTP Live Streaming: low-latency HLS with fMP4
// parts, plain HLS with fMP4, or with MPEG-TS (RFC 8216 and its second edition,
// draft-ietf-hls-rfc8216bis).
//
// # The way of a unit
//
// [Factory] makes a sink. Its stage gives every unit to a segmenter, which knows
// one thing: when the next segment starts. It follows one track, the lead (the
// video, or the audio where there is none), and cuts at its key units; all other
// renditions are held back until the lead has passed them, and cut where it was
// cut. So media sequence numbers, discontinuities and boundaries are the same
// everywhere. A cutter per rendition turns units into parts and segments, with a
// muxer that knows the container.
//
// A layer may pause while others go on: a transcoder under load leaves the largest one
// out, a browser does not send it. If it leads, another one takes over on the same
// timeline. What it lacks is listed as EXT-X-GAP, and by parts with GAP=YES, so that
// players take another layer meanwhile and no segment or part gets longer than promised.
//
// # What is published
//
// Each part publishes a new snapshot of its rendition: an immutable list of
// segments and parts behind an atomic pointer, with a channel that is closed when
// the next one comes. Playlists are rendered from a snapshot when somebody asks,
// once for all who ask; without viewers nothing is rendered. So is the content of a
// part: until then it is a fragment's header and references to access units. A
// request that has to wait selects on the snapshot's channel and on its own context.
//
// A URL's content never changes: the names of segments, parts and init sections
// carry a token of the stage's run. Parts are numbered through, not within their
// segment, so that the part that a playlist hints at comes whatever the encoder
// does next.
//
// # Who may watch
//
// Every request is asked about, the answer being good for a few seconds for one address
// and what it shows. A link's query is kept in a cookie for the stream's path; the URIs in
// playlists carry it on only until that comes back, so that segments have one address for
// all players that keep cookies, and a player that keeps none gets on with its own.
//
// # Own writers
//
// Fragments and init sections are written by package fmp4, because a decoder
// configuration is then copied as it came, and because it takes a sixth of the time
// of a general MP4 library. Playlists are rendered here, because per segment
// EXT-X-MAP, delta updates and rendition reports need more than gohlslib's
// playlist type holds; its client is a judge in the tests.
package hls
