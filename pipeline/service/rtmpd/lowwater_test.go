package rtmpd

import (
	"net"
	"syscall"
	"testing"
	"time"
)

// The mark follows the rate, from one byte up to its bound and down again.
func TestLowWaterFollowsTheRate(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	w := newLowWater(conn)
	mark := func() (bytes int) {
		t.Helper()
		if err := w.socket.Control(func(fd uintptr) {
			bytes, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT)
		}); err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	now := time.Now()
	second := func(bytes int) {
		for range 10 {
			now = now.Add(100 * time.Millisecond)
			w.read(bytes/10, now)
		}
	}
	for _, step := range []struct{ rate, want int }{
		{331_000, 3972}, // 2.65 Mbit/s: 12 ms of it
		{340_000, 3972}, // nearly the same
		{16_000, 192},   // only sound is left
		{0, 1},
		{50_000_000, lowWaterMost},
	} {
		second(step.rate)
		second(step.rate)
		if got := mark(); got != step.want {
			t.Errorf("at %d bytes a second the mark is %d, want %d", step.rate, got, step.want)
		}
	}
	w.off()
	if (w != lowWater{}) {
		t.Error("it is not off")
	}
	(&lowWater{}).read(1<<20, now)
}
