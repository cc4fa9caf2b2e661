// Package faults holds the tests that break things around a running server and
// count what its viewers lose: publishers that die, vanish or lie, files that are
// edited, descriptors that run out, floods of connections and of requests, clocks
// that jump. Each logs a line "FIGURE …" with what it measured.
//
//	go test -tags e2e -count=1 -parallel 8 ./test/faults
//
// They start the real server, built from this tree, on loopback. Only ffmpeg has to
// be installed. WEIR_SOAK=1 makes the tests that have a longer form take it: a
// minute of dripping sockets, a thousand cycles at full length, ten minutes of
// stream at its own pace (go test -timeout 40m).
//
// # How loss is counted
//
// Publishers of our own send pictures and sound in which every frame says who sent
// it, its number and its time (mark). HLS passes the bytes of frames on untouched,
// so a viewer that takes segments and parts apart knows exactly which frames it got,
// and how far sound and picture have moved against each other. Where real encoders
// and real players are used, frames are known by their hash.
package faults
