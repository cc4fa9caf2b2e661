package bench

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// floor is what the machine needs at best for a packet, in µs of CPU time: AES-128-GCM,
// and one system call with UDP_SEGMENT for all packets of a picture. read is to sockets
// with a reader each: on one machine the kernel queues packets and wakes readers on the
// sender's account. unread is to a socket that nobody reads: it is full soon, and what
// comes then is dropped before it costs as much.
type floor struct{ read, unread float64 }

// sent are the payloads of a picture between key frames, of a key picture and of a
// block of sound: what the server makes of the stream, SRTP's overhead aside.
func sent(size int) []int {
	const mtu = 1180
	var all []int
	for ; size > mtu; size -= mtu {
		all = append(all, mtu)
	}
	return append(all, size)
}

func measureFloor(b *testing.B, count int, opus bool) floor {
	b.Helper()
	blackhole := listen(b)
	one := make([]*net.UDPAddr, count)
	for i := range one {
		one[i] = address(blackhole)
	}
	f := floor{unread: sendFloor(b, one, opus)}
	_ = blackhole.Close()

	var readers sync.WaitGroup
	var conns []*net.UDPConn
	for i := range one {
		conn := listen(b)
		conns, one[i] = append(conns, conn), address(conn)
		readers.Go(func() {
			for buf := make([]byte, 1500); ; {
				if _, _, err := conn.ReadFromUDPAddrPort(buf); err != nil {
					return
				}
			}
		})
	}
	f.read = sendFloor(b, one, opus)
	for _, c := range conns {
		_ = c.Close()
	}
	readers.Wait()
	return f
}

func listen(b *testing.B) *net.UDPConn {
	b.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func address(c *net.UDPConn) *net.UDPAddr { return c.LocalAddr().(*net.UDPAddr) }

// sendFloor sends a second of the stream to everybody, in the second that it takes, and
// returns the CPU time of the sending thread for a packet.
func sendFloor(b *testing.B, to []*net.UDPAddr, opus bool) float64 {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	from := listen(b)
	defer from.Close()
	block, _ := aes.NewCipher(make([]byte, 16))
	aead, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	const header, tag = 24, 16 // RTP with extensions, GCM
	oob := make([]byte, unix.CmsgSpace(2))
	h := (*[16]byte)(oob)
	binary.NativeEndian.PutUint64(h[:], uint64(unix.CmsgLen(2)))
	binary.NativeEndian.PutUint32(h[8:], unix.SOL_UDP)
	binary.NativeEndian.PutUint32(h[12:], unix.UDP_SEGMENT)
	payload, nonce, buf := make([]byte, 1500), make([]byte, 12), make([]byte, 0, 64<<10)
	packets := 0
	send := func(sizes []int) {
		binary.NativeEndian.PutUint16(oob[unix.CmsgLen(0):], uint16(header+sizes[0]+tag))
		for _, addr := range to {
			buf = buf[:0]
			for _, size := range sizes {
				head := len(buf)
				buf = buf[:head+header]
				buf = aead.Seal(buf, nonce, payload[:size], buf[head:])
			}
			control := oob
			if len(sizes) == 1 {
				control = nil
			}
			if _, _, err := from.WriteMsgUDP(buf, control, addr); err != nil {
				b.Fatal(err)
			}
			packets += len(sizes)
		}
	}
	picture, sound := sent(9610), sent(160)
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	before := readClock(b, unix.CLOCK_THREAD_CPUTIME_ID)
	for range 45 { // pictures
		<-tick.C
		send(picture)
		if opus {
			send(sound)
			send(sound)
		}
	}
	return float64(readClock(b, unix.CLOCK_THREAD_CPUTIME_ID)-before) / 1e3 / float64(packets)
}
