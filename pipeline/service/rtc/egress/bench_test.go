package egress

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"net"
	"runtime"
	"testing"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtcp"

	"weir/pipeline/media"
	"weir/pipeline/service/rtc/udp"
)

// sink is a socket that nobody reads: what the kernel does for the receiver ends
// when its buffer is full, and is the same for the floor.
func sink(b *testing.B) *net.UDPConn {
	b.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return c
}

// source is a socket to send from.
func source(b *testing.B) *udp.Socket {
	b.Helper()
	s, err := udp.Listen("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// Sizes of a picture of 2.5 Mbit/s at 30 a second.
var pictureSizes = [...]int{1150, 1150, 1150, 1150, 1150, 1150, 1150, 1150, 1150, 500}

// crowd is n viewers that need no handshake.
func crowd(b *testing.B, e *Engine, s *Sender, f *film, n int, profile dtls.SRTPProtectionProfile) []*Stream {
	b.Helper()
	_, print := certificate(b)
	socket := e.Attach(source(b))
	to := newPath(origin{socket: socket, addr: sink(b).LocalAddr().(*net.UDPAddr).AddrPort()})
	key, salt := make([]byte, 16), make([]byte, 12)
	if profile == dtls.SRTP_AES128_CM_HMAC_SHA1_80 {
		salt = make([]byte, 14)
	}
	if profile == dtls.SRTP_AEAD_AES_256_GCM {
		key = make([]byte, 32)
	}
	var all []*Stream
	for range n {
		session, err := s.Open(SessionParams{Fingerprints: []string{print}, Streams: []StreamParams{{
			SSRC: 1, PayloadType: 96, RTXSSRC: 2, RTXPayloadType: 97, Rate: media.VideoRate, History: f,
			Extensions: Extensions{TransportCC: 5, AbsCaptureTime: 6, PlayoutDelay: 7},
		}}})
		if err != nil {
			b.Fatal(err)
		}
		if err := session.secure(key, salt, profile); err != nil {
			b.Fatal(err)
		}
		session.path.Store(to)
		session.state.Store(uint32(Live))
		all = append(all, session.Stream(0))
	}
	return all
}

// BenchmarkFanout sends a picture to all viewers; ns/packet is to be compared with
// that of BenchmarkFloor in the same run.
func BenchmarkFanout(b *testing.B) {
	for _, profile := range profiles() {
		for _, n := range []int{50, 150, 300} {
			b.Run(fmt.Sprintf("%s/%d", profileName(profile), n), func(b *testing.B) {
				e, err := New(Config{Limits: Limits{HalfOpen: n}})
				if err != nil {
					b.Fatal(err)
				}
				f, s := newFilm(), e.NewSender()
				viewers := crowd(b, e, s, f, n, profile)
				seq := uint16(0)
				picture := f.frame(0, 0, 0, pictureSizes[:]...)
				b.ReportAllocs()
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				for b.Loop() {
					for _, u := range picture {
						u.RTP.Sequence = seq
						u.PTS += 3000
						seq++
					}
					s.Send(picture, viewers)
					s.Flush()
				}
				runtime.ReadMemStats(&after)
				packets := float64(b.N * n * len(picture))
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/packets, "ns/packet")
				b.ReportMetric(float64(after.Mallocs-before.Mallocs)/packets, "allocs/packet")
			})
		}
	}
}

// BenchmarkFloor is what the machine can do at best: AES-128-GCM for each packet and
// one system call for each picture of each viewer.
func BenchmarkFloor(b *testing.B) {
	from, to := source(b), sink(b).LocalAddr().(*net.UDPAddr).AddrPort()
	block, _ := aes.NewCipher(make([]byte, 16))
	aead, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	payload, nonce, buf := make([]byte, 1172), make([]byte, 12), make([]byte, 0, 16<<10)
	for _, n := range []int{50, 150, 300} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				for range n {
					buf = buf[:0]
					for _, size := range pictureSizes {
						head := len(buf)
						buf = buf[:head+12]
						buf = aead.Seal(buf, nonce, payload[:size+22], buf[head:])
					}
					if _, err := from.Send([]udp.Message{{Data: buf, To: to, Segment: 1200}}); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n*len(pictureSizes)), "ns/packet")
		})
	}
}

// BenchmarkJoin connects a viewer: checks, a handshake, the first SRTCP. The time is
// that of both ends. KiB/viewer is what the engine holds of one that was served a
// picture.
func BenchmarkJoin(b *testing.B) {
	e, err := New(Config{Limits: Limits{Sessions: 1 << 20}})
	if err != nil {
		b.Fatal(err)
	}
	f, s, hub := newFilm(), e.NewSender(), newHub()
	port := hub.port(serverAddr)
	socket := e.Attach(port)
	done := make(chan struct{})
	go func() {
		defer close(done)
		pump(port, socket)
	}()
	cert, print := certificate(b)
	picture := f.frame(0, 0, 0, pictureSizes[:]...)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	joins := 0
	for b.Loop() {
		joins++
		session, err := s.Open(SessionParams{RemoteUfrag: viewerUfrag, Fingerprints: []string{print}, Streams: []StreamParams{{
			SSRC: 1, PayloadType: 96, RTXSSRC: 2, RTXPayloadType: 97, Rate: media.VideoRate, History: f,
		}}})
		if err != nil {
			b.Fatal(err)
		}
		v := newViewer(b, hub.port(fmt.Sprintf("10.0.%d.%d:4000", joins>>8, joins&255)), port.at(), session)
		if err := v.connect(cert, dtls.SRTP_AEAD_AES_128_GCM); err != nil {
			b.Fatal(err)
		}
		<-s.Wake()
		s.Poll()
		s.Send(picture, []*Stream{session.Stream(0)})
		s.Flush()
		v.feed(&rtcp.ReceiverReport{})
		<-s.Wake()
		s.Poll()
		v.leave()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(joins)/1024, "KiB/viewer")
	s.Close()
	_ = port.Close()
	<-done
}
