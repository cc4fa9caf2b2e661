// Package bench measures what a whole server costs. Each benchmark starts bin/weir
// as a process of its own, and a load generator (weir/cmd/load) as another, all on
// this machine's loopback interface, and accounts for the server's CPU time and
// memory alone.
//
//	make bench                                    # all benchmarks, with a table
//	go test -bench Publishers -count 5 ./test/bench  # these, for benchstat
//
// The figures, one each for a publisher or a player:
//
//	cpu-ms/publisher-s   CPU time of the server per second (user and system)
//	rss-KiB/publisher    resident memory beyond that of the idle server
//	heap-KiB/publisher   of that, what Go's collector has found alive
//	late-ms              by how much the generator was late at worst
//	others-%             of the machine's CPU time, what went to other processes
//	cal-ns               CPU time of a fixed piece of work, before and after
//
// BenchmarkRecording has cpu-ms/Mbit instead, of the server and of ffmpeg in turn.
//
// CPU time depends on the machine, and on what else runs there: compare its ratio
// to cal-ns, and only if others-% is near 0. On loopback the sender of a packet also does the receiver's TCP work,
// so publishing is a little cheaper here than over a network, and playing a little
// dearer.
//
// BENCH_WARMUP and BENCH_MEASURE change how long is waited before (40 s: until
// playlists have their full length and memory is steady) and for how long is measured
// (15 s).
// BENCH_PROFILE names a directory in which perf(1) leaves a profile of the server.
package bench
