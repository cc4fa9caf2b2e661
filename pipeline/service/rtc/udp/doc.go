// Package udp is a UDP socket for many peers that Go's runtime does not look after.
//
// The network poller is told of everything that happens to a socket: of each datagram
// that comes, and of each that has left and made room. The scheduler is told of each
// system call, since it might block, and wakes its monitor to watch over it. For a
// server that sends fifty thousand datagrams a second both are most of the work that
// is not sending. A [Socket] is waited for only when there is nothing to read, and its
// calls, none of which ever blocks, are made without telling anybody. What is not
// urgent, such as feedback of viewers, is read on a beat.
//
// Elsewhere than on Linux it is a net.UDPConn like any other.
package udp
