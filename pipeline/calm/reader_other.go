//go:build !linux

package calm

import (
	"io"
	"net"
)

// NewReader is c.
func NewReader(c net.Conn) io.Reader { return c }
