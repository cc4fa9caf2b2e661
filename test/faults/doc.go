// Package faults holds the tests that break things around a running server and
// count what its viewers lose: publishers that die, vanish or lie, files that are
// edited, descriptors that run out, floods of connections and of requests, clocks
// that jump. Each logs a line "FIGURE …" with what it measured.
//
//	go test -tags e2e -count=1 -parallel 64 -v ./test/faults | grep FIGURE
//
// They start the real server, built from this tree, on loopback; WEIR_BINARY names
// another one. scripts/setup.sh test installs what they need. They take seven minutes on
// two cores, most of which is waiting for streams to happen, and a quarter of that in
// their short form (-short).
//
// WEIR_SOAK=1 makes some of them take their long form, an hour and more in all: peers
// that drip for a minute, ten thousand cycles of publishers, ten minutes of stream at its
// own pace, a store that fails for twelve (-timeout 2h).
//
// # How loss is counted
//
// Publishers of our own send pictures and sound in which every frame says who sent
// it, its number and its time (mark). HLS passes the bytes of frames on untouched,
// so a viewer that takes segments and parts apart knows exactly which frames it got,
// and how far sound and picture have moved against each other. Where real encoders
// and real players are used, frames are known by their hash.
//
// Gates are those of the score board. Where one is a time, the test allows more than
// the board does, for machines that are busy, and logs what it was.
package faults
