// Package calm reads sockets without telling Go's scheduler.
//
// The scheduler is told of each system call, since it might block, and wakes its monitor
// thread to watch over it, which then looks around every 20 µs for as long as anything
// runs. A server that wakes up for every picture pays for that more than for the
// reading. A read that does not block, and only that is here, needs nobody to watch.
//
// Elsewhere than on Linux sockets are read as ever.
package calm
