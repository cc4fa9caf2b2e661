//go:build libav && cgo

package main

// #include <sys/prctl.h>
//
// // slack lets timers be a millisecond late, for which a picture is never. Go's monitor
// // would else wake up every 70 µs while libav works, which takes a twentieth of the time.
// // A thread has its slack from the one that makes it, so this is before Go's runtime
// // makes any.
// __attribute__((constructor)) static void slack(void)
// {
//	prctl(PR_SET_TIMERSLACK, 1000 * 1000, 0, 0, 0); // ns
// }
import "C"
