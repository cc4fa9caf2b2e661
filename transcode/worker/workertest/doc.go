// Package workertest is a worker for tests: it speaks the protocol, converts nothing,
// and misbehaves on demand. A test binary becomes one when it is started under the name
// of the real one.
package workertest
