// Package process is a worker process from the inside: one job, done by libav, for the
// server at the other end of a socket. Only cmd/weir-av imports it. Like the package
// that it is built on, it is empty without cgo and the build tag libav.
package process
