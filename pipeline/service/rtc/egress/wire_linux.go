package egress

import (
	"encoding/binary"
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// canSegment says whether the kernel knows UDP_SEGMENT (Linux 4.18).
func canSegment(conn *net.UDPConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	known := false
	err = raw.Control(func(fd uintptr) {
		_, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT)
		known = err == nil
	})
	return err == nil && known
}

// newControl makes room for a control message that holds a segment size.
func newControl() []byte {
	b := make([]byte, unix.CmsgSpace(2))
	words := b
	if unix.SizeofCmsghdr == 16 { // the length is a size_t
		binary.NativeEndian.PutUint64(words, uint64(unix.CmsgLen(2)))
		words = words[8:]
	} else {
		binary.NativeEndian.PutUint32(words, uint32(unix.CmsgLen(2)))
		words = words[4:]
	}
	binary.NativeEndian.PutUint32(words, unix.IPPROTO_UDP)
	binary.NativeEndian.PutUint32(words[4:], unix.UDP_SEGMENT)
	return b
}

// control sets the segment size.
func control(b []byte, segment int) []byte {
	binary.NativeEndian.PutUint16(b[unix.CmsgLen(0):], uint16(segment))
	return b
}

func segmentOf(control []byte) int {
	if control == nil {
		return 0
	}
	return int(binary.NativeEndian.Uint16(control[unix.CmsgLen(0):]))
}

// unsegmented says whether the packets of a refused message may do one by one: the
// path takes only smaller ones, or the device cannot cut.
func unsegmented(err error) bool {
	return isHopeless(err) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EMSGSIZE)
}

// isHopeless says whether the socket will refuse all such messages.
func isHopeless(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOPROTOOPT)
}
