package whep

import (
	"net"
	"testing"
	"time"
)

func loopback(t *testing.T) net.PacketConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	check(t, err)
	return conn
}

// The whole way, on real sockets: a viewer joins in the middle of a GOP and sees a
// picture at once.
func TestLoopback(t *testing.T) {
	s := newStudio(t, loopback(t), defaults(), video(""), sound())
	s.play(0, 3*time.Second, 300, 5000)
	p := newPlayer(t, s, nil)
	time.Sleep(500 * time.Millisecond)
	p.join("")
	p.await("pictures and sound", func() bool { return len(p.pictures()) > 30 && p.audio > 30 })
	pics := p.pictures()
	if !pics[0].key || pics[0].number != 0 {
		t.Errorf("the first picture is %+v", pics[0])
	}
	t.Logf("first picture after %v, %d pictures", pics[0].at, len(pics))
	if missing, total := p.missing(); missing > 0 {
		t.Errorf("%d of %d packets are missing", missing, total)
	}
	<-p.connected
}
