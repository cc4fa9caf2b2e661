// Package worker runs libav where it can do no harm: in processes of their own, one
// for each job, that are given access units over a socket and give some back (package
// wire). The server itself is pure Go.
//
// A [Host] knows the program, weir-av, and the budget of CPU that all jobs share. A
// [Session] is one job: it starts a worker, feeds it from a bounded queue, watches it
// and replaces it when it falls or hangs. Nothing that a worker does, and nothing that
// it leaves undone, holds up whoever feeds the session. A [Converter] is the run loop
// of the stages that transcode: it leads some of the tracks of an input through a
// session, and lets the others pass.
//
// # What a fall costs
//
// A session remembers the units since the newest key unit, and a new worker is given
// them first, so that it need not wait for the next one. What it makes starts with a
// key unit that is marked as media.Gap and media.Discontinuity. Five falls within a
// minute are taken to say that the sixth would follow, and the session rests for a
// minute.
//
// # What a worker may do
//
// It inherits its end of the socket and no environment but what graphics drivers want.
// It has a bounded address space, leaves no core file, is nicer than the server to
// everybody else, and dies with it. Where the kernel allows it, it has no network, can
// gain no privileges, and sees of the file system only programs, libraries and
// devices. Where the server is root, the worker is nobody. See [Confine]. Before it is told
// its job it gives up the system calls that it has no use for (package seal).
package worker
