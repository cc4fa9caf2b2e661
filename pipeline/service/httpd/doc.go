// Package httpd is the HTTP listener that all of Weir shares: viewers' playlists
// and segments, pages, the API, health and metrics.
//
// A [Server] routes by an immutable table behind an atomic pointer, so that a
// request takes no lock and mounts come and go while requests run. Fixed routes
// ([Server.Handle]) come before mounts ([Server.Mount]); a mount serves the
// resources of one kind below the paths of a [pipeline.Pattern].
//
// What every handler may rely on:
//
//   - request headers arrived whole, within [Limits].Header and HeaderBytes; a
//     body is cut off at BodyBytes and at Body seconds;
//   - writing never blocks for longer than a peer at [Limits].MinRate would take:
//     the deadline moves with every piece that gets through, so a long download is
//     fine and a stuck one is not (see progressWriter);
//   - a panic costs one response, is logged with its stack and counted;
//   - "X-Content-Type-Options: nosniff" is set. CORS and caching are the handler's.
//
// Connections on which players ask in bulk are served without package net/http, as long
// as their requests are plain: see [Mount].Lean and express.
//
// Errors are written by [Problem] as RFC 9457 problem details with stable codes.
package httpd
