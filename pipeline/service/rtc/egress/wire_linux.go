package egress

import (
	"errors"

	"golang.org/x/sys/unix"
)

// unsegmented says whether the packets of a refused message may do one by one: the
// path takes only smaller ones, or the device cannot cut.
func unsegmented(err error) bool {
	return isHopeless(err) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EMSGSIZE)
}

// isHopeless says whether the socket will refuse all such messages.
func isHopeless(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOPROTOOPT)
}
