//go:build !linux

package rtmpd

import "net"

func setSending(net.Conn, bool) {}

func socketFlow(net.Conn, *Flow) {}
