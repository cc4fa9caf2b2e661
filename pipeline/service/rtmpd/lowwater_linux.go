package rtmpd

import "syscall"

// setLowWater fails only on a socket that is closed, of which reading tells.
func setLowWater(fd uintptr, bytes int) {
	_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, bytes)
}
