// Package rtmpd is the RTMP and RTMPS service: a [Server] that takes publishers,
// and a client, [Dial], that is one.
//
// It is the only importer of github.com/yutopp/go-rtmp, which plays one part
// here: the state machine of the NetConnection and NetStream commands (connect,
// createStream, publish, deleteStream) on the server's side. Nothing that a peer
// sends reaches it unchecked, and media never reaches it at all. Between the two
// stands a guard, an io.ReadWriteCloser:
//
//	socket ── handshake ── link ──┬── commands, rewritten ──► go-rtmp ──► Handler
//	          (handshake.go)      │   (guard.go, command.go)
//	                  (link.go,   └── audio, video, data ──► Publisher.Recv
//	                   chunk.go)
//
// The link de-chunks the wire within [Limits] and answers what belongs to the
// protocol itself (chunk sizes, acknowledgements, pings). The guard decodes each
// command with a budget on depth and number of values, takes from it what we
// understand, and encodes that anew as one short message in one chunk; so the
// library's AMF decoder, which trusts lengths and recurses without bound, only
// ever sees bytes that this package wrote. What the library answers goes through
// the link too, which makes it the only writer on the socket.
//
// Once a peer publishes, its connection is read by whoever calls
// [Publisher.Recv]: there is no queue and no goroutine in between. A reader that
// does not read leaves the bytes in the socket, and TCP slows the peer down.
//
// Sources: Adobe's RTMP specification 1.0 (sections in comments refer to it),
// AMF 0 specification (2007), Enhanced RTMP v2.
package rtmpd
