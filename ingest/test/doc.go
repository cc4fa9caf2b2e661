// Package test is a source that needs nothing from outside: colour bars, a clock, a tone
// with a click each second, and the number of each picture as a bar code, which package
// transcode/testcard reads. A worker draws and codes it, in real time.
//
// Times are counted from the instance's epoch, and so are the pictures: the one that is
// shown at n/fps has the number n, and each full second begins with a click. A worker
// that takes over from one that fell goes on with what is due, so that the numbers that
// are missing behind any chain of stages are what was lost on the way.
package test
