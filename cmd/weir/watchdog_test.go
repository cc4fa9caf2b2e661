package main

import (
	"context"
	"net"
	"path/filepath"
	"testing"
)

// TestWatchdog: systemd hears that the server is well.
func TestWatchdog(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	ln, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "20000")
	s := idle(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.watchdog(ctx) }()
	buf := make([]byte, 100)
	n, err := ln.Read(buf)
	if got := string(buf[:n]); err != nil || got != "WATCHDOG=1" {
		t.Errorf("%q, %v", got, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
