// Package link signs links to streams, so that who has one may watch for a while. What is
// signed is the stream's path and the time of expiry, never a host, so that a link works
// through every proxy and CDN, and a CDN that has the key can check it by itself:
//
//	sig = base64url(HMAC-SHA256(secret, "weir-link-1\n" + prefix + "\n" + exp + "\n" + ip))
//
// without padding. prefix is the stream's path with a slash before it, "/live/studio", or
// a folder of streams with a slash after it, too, "/live/"; exp is a Unix time in decimal
// digits; ip is the viewer's address or empty. The link's query is
// exp=…&kid=…&sig=… , with prefix=… only for a folder and ip=1 only if the address is
// signed. In one piece, as in a cookie, it is "exp.kid.sig", after which ".ip" follows if the
// address is signed: a cookie for the stream's path goes with every request beneath it and
// leaves the URLs of segments the same for all viewers, so that caches can share them.
package link
