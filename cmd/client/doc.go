// Package client asks the API of a running server, as any other program would: over HTTP,
// with a token. Everything that it reads is bounded.
package client
