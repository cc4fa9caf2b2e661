//go:build !linux

package httpd

import "net"

// gone does not know: the response will tell.
func gone(*net.TCPConn) bool { return false }
