//go:build !linux

package httpd

import "net"

func boundSendQueue(net.Conn) {}
