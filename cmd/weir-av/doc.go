// Command weir-av is a worker of Weir's server: it transcodes with libav, in a process
// of its own, so that no fault of a codec is one of the server. The server starts it
// with a connected socket as descriptor 3 and speaks the protocol of package wire.
//
//	weir-av --version    says in JSON what it can do
//
// It needs cgo, the build tag libav and the libraries that scripts/libav.sh finds or
// builds.
package main
