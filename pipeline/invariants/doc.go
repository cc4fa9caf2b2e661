// Package invariants checks, when built with the tag "invariants", what the code
// believes to be true anyway. Without the tag it costs nothing. Tests and CI build
// with it; a release does not, because a violated belief must not stop a server
// that could go on.
package invariants
