//go:build !linux

package egress

import "net"

func canSegment(*net.UDPConn) bool { return false }

func newControl() []byte { return nil }

func control([]byte, int) []byte { return nil }

func segmentOf([]byte) int { return 0 }

func unsegmented(error) bool { return false }

func isHopeless(error) bool { return false }
