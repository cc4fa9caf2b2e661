// Package migrate reads the configuration of other servers and says the same as one of
// Weir's.
//
//	mediamtx.yml ─▶ mediamtx.go ─┐
//	nginx.conf ─▶ directives.go ─▶ nginx.go ─┴▶ draft ─▶ YAML with comments
//
// What has an equivalent becomes it. What has none becomes a comment, with the line that
// it comes from and what to do instead; nothing is left out in silence but what has no
// effect. The result passes `weir check` as it is: secrets of the old file are not copied
// but become environment variables, which the comment at the top lists. Without a publish
// key only publishers on the same machine are let in.
package migrate
