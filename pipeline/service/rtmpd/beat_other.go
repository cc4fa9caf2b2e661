//go:build !linux

package rtmpd

import (
	"errors"
	"net"
	"syscall"
)

// socketOf is nil: elsewhere connections are read as bytes arrive.
func socketOf(net.Conn) syscall.RawConn { return nil }

func readSocket(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }

func setLowWater(uintptr, int) {}
