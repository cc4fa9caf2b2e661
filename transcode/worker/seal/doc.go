// Package seal has a worker give up, before it sees any media, the system calls by which
// what has taken it over would get further: other programs, other processes, networks,
// and the kernel's less trodden paths.
package seal
