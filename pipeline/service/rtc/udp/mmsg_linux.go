package udp

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// together is how many messages one system call takes at most.
const together = 128

// header is struct mmsghdr of recvmmsg(2).
type header struct {
	unix.Msghdr
	n uint32 // bytes of the message
}

// address is a struct sockaddr_in or sockaddr_in6.
type address [unix.SizeofSockaddrInet6]byte

// put writes addr, whose zone is the number of an interface, and returns how many bytes
// that is.
func (a *address) put(addr netip.AddrPort) uint32 {
	binary.BigEndian.PutUint16(a[2:], addr.Port())
	ip := addr.Addr().Unmap()
	if ip.Is4() {
		binary.NativeEndian.PutUint16(a[:], unix.AF_INET)
		v4 := ip.As4()
		copy(a[4:], v4[:])
		return unix.SizeofSockaddrInet4
	}
	binary.NativeEndian.PutUint16(a[:], unix.AF_INET6)
	v6 := ip.As16()
	binary.BigEndian.PutUint32(a[4:], 0) // flow
	copy(a[8:], v6[:])
	scope, _ := strconv.ParseUint(ip.Zone(), 10, 32) // 0 if there is none
	binary.NativeEndian.PutUint32(a[24:], uint32(scope))
	return unix.SizeofSockaddrInet6
}

func (a *address) get() netip.AddrPort {
	port := binary.BigEndian.Uint16(a[2:])
	if binary.NativeEndian.Uint16(a[:]) == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a[4:8])), port)
	}
	ip := netip.AddrFrom16([16]byte(a[8:24]))
	if scope := binary.NativeEndian.Uint32(a[24:]); scope != 0 {
		ip = ip.WithZone(strconv.FormatUint(uint64(scope), 10))
	}
	return netip.AddrPortFrom(ip, port)
}

// call makes a system call that returns a number of messages, without telling the
// scheduler: the socket does not block.
func call(trap uintptr, fd int, headers []header) (int, unix.Errno) {
	n, _, no := unix.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(&headers[0])), uintptr(len(headers)), 0, 0, 0)
	runtime.KeepAlive(headers)
	if no != 0 {
		return 0, no
	}
	return int(n), 0
}

// ready takes what an epoll instance has to tell, one event at most, without waiting.
func ready(fd uintptr) (int, unix.Errno) {
	var event unix.EpollEvent
	n, _, no := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&event)), 1, 0, 0, 0)
	if no != 0 {
		return 0, no
	}
	return int(n), 0
}

// inbox is where datagrams are read to.
type inbox struct {
	headers   []header
	vectors   []unix.Iovec
	addresses []address
	buffers   [][mtu]byte
}

func newInbox(n int) *inbox {
	in := &inbox{make([]header, n), make([]unix.Iovec, n), make([]address, n), make([][mtu]byte, n)}
	for i := range n {
		in.vectors[i].Base = &in.buffers[i][0]
		in.vectors[i].SetLen(mtu)
		h := &in.headers[i].Msghdr
		h.Name, h.Iov = &in.addresses[i][0], &in.vectors[i]
		h.SetIovlen(1)
	}
	return in
}

func (in *inbox) receive(fd int) (int, unix.Errno) {
	for i := range in.headers {
		in.headers[i].Namelen = uint32(len(address{}))
	}
	return call(unix.SYS_RECVMMSG, fd, in.headers)
}

func (in *inbox) datagram(i int) []byte { return in.buffers[i][:in.headers[i].n] }

func (in *inbox) from(i int) netip.AddrPort { return in.addresses[i].get() }

// envelopes are messages as sendmmsg(2) wants them.
type envelopes struct {
	headers   [together]header
	vectors   [together]unix.Iovec
	addresses [together]address
	controls  [together]segmentation
	filled    int
}

// segmentation is a control message that holds a segment size.
type segmentation struct {
	unix.Cmsghdr
	size uint16
	_    [6]byte
}

// fill takes the first messages.
func (e *envelopes) fill(messages []Message) {
	e.filled = min(len(messages), together)
	for i := range e.filled {
		m, v, h := &messages[i], &e.vectors[i], &e.headers[i].Msghdr
		v.Base = unsafe.SliceData(m.Data)
		v.SetLen(len(m.Data))
		h.Name, h.Namelen = &e.addresses[i][0], e.addresses[i].put(m.To)
		h.Iov = v
		h.SetIovlen(1)
		h.Control = nil
		h.SetControllen(0)
		if m.Segment > 0 && m.Segment < len(m.Data) {
			c := &e.controls[i]
			c.Level, c.Type, c.size = unix.IPPROTO_UDP, unix.UDP_SEGMENT, uint16(m.Segment)
			c.SetLen(unix.CmsgLen(2))
			h.Control = (*byte)(unsafe.Pointer(c))
			h.SetControllen(unix.CmsgSpace(2))
		}
	}
}

// send sends what was filled, and lets go of it.
func (e *envelopes) send(fd int) (int, unix.Errno) {
	n, no := call(unix.SYS_SENDMMSG, fd, e.headers[:e.filled])
	if no != unix.EAGAIN && no != unix.EINTR {
		clear(e.vectors[:e.filled])
	}
	return n, no
}
