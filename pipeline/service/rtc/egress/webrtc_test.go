package egress

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v5/vnet"
	"github.com/pion/webrtc/v4"

	"weir/pipeline/media"
)

// find is the first group of pattern in text.
func find(t *testing.T, text, pattern string) string {
	t.Helper()
	m := regexp.MustCompile("(?m)" + pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no %s in %s", pattern, text)
	}
	return strings.TrimSpace(m[1])
}

func number(t *testing.T, text, pattern string) uint8 {
	t.Helper()
	n, err := strconv.ParseUint(find(t, text, pattern), 10, 8)
	if err != nil {
		t.Fatal(err)
	}
	return uint8(n)
}

// answer makes the session for an offer of one video, and the SDP that goes with it.
func answer(t *testing.T, e *Engine, s *Sender, h History, offer, candidate string) (*Session, string) {
	t.Helper()
	p := StreamParams{
		SSRC: 1000, RTXSSRC: 1001, Rate: media.VideoRate, History: h,
		PayloadType: number(t, offer, `^a=rtpmap:(\d+) H264/90000`),
		Extensions:  Extensions{TransportCC: number(t, offer, `^a=extmap:(\d+) http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc`)},
	}
	p.RTXPayloadType = number(t, offer, fmt.Sprintf(`^a=fmtp:(\d+) apt=%d\b`, p.PayloadType))
	session, err := s.Open(SessionParams{
		RemoteUfrag: find(t, offer, `^a=ice-ufrag:(.*)$`), Fingerprints: []string{find(t, offer, `^a=fingerprint:(.*)$`)},
		CNAME: "weir", Epoch: time.Now(), Streams: []StreamParams{p},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := session.Credentials()
	fmtp := find(t, offer, fmt.Sprintf(`^a=fmtp:%d (.*)$`, p.PayloadType))
	lines := []string{
		"v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=ice-lite", "a=group:BUNDLE 0", "a=msid-semantic: WMS *",
		fmt.Sprintf("m=video 9 UDP/TLS/RTP/SAVPF %d %d", p.PayloadType, p.RTXPayloadType), "c=IN IP4 0.0.0.0", "a=mid:0",
		"a=ice-ufrag:" + c.Ufrag, "a=ice-pwd:" + c.Password, "a=fingerprint:" + e.Fingerprint(), "a=setup:passive", "a=sendonly", "a=rtcp-mux", "a=rtcp-rsize",
		fmt.Sprintf("a=rtpmap:%d H264/90000", p.PayloadType), fmt.Sprintf("a=fmtp:%d %s", p.PayloadType, fmtp),
		fmt.Sprintf("a=rtcp-fb:%d nack", p.PayloadType), fmt.Sprintf("a=rtcp-fb:%d nack pli", p.PayloadType), fmt.Sprintf("a=rtcp-fb:%d transport-cc", p.PayloadType),
		fmt.Sprintf("a=rtpmap:%d rtx/90000", p.RTXPayloadType), fmt.Sprintf("a=fmtp:%d apt=%d", p.RTXPayloadType, p.PayloadType),
		fmt.Sprintf("a=extmap:%d http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01", p.Extensions.TransportCC),
		"a=ssrc-group:FID 1000 1001", "a=ssrc:1000 cname:weir", "a=ssrc:1000 msid:weir video", "a=ssrc:1001 cname:weir", "a=ssrc:1001 msid:weir video",
		candidate, "a=end-of-candidates", "",
	}
	return session, strings.Join(lines, "\r\n")
}

// watch makes a pion viewer; what it receives goes to got.
func watch(t *testing.T, settings webrtc.SettingEngine, got chan<- uint16, negotiate func(offer string) string) *webrtc.PeerConnection {
	t.Helper()
	settings.LoggerFactory = &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		go func() { // or nobody sees sender reports
			for {
				if _, _, err := receiver.ReadRTCP(); err != nil {
					return
				}
			}
		}()
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				close(got)
				return
			}
			got <- p.SequenceNumber
		}
	})
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: negotiate(pc.LocalDescription().SDP)}); err != nil {
		t.Fatal(err)
	}
	return pc
}

// pump reads datagrams into the engine until conn is closed.
func pump(conn net.PacketConn, socket *Socket) {
	b := make([]byte, 2048)
	for {
		n, from, err := conn.ReadFrom(b)
		if err != nil {
			return
		}
		socket.Handle(b[:n], from.(*net.UDPAddr).AddrPort())
	}
}

// tally is what a shard of one viewer has heard.
type tally struct {
	kinds            map[EventKind]int
	received, losses int
	rtt              time.Duration
	reason           Reason
}

func (y *tally) poll(s *Sender) {
	for _, ev := range s.Poll() {
		y.kinds[ev.Kind]++
		switch ev.Kind {
		case Arrivals:
			for _, a := range ev.Arrivals {
				if a.Lost {
					y.losses++
				} else {
					y.received++
				}
			}
		case Reception:
			y.rtt = ev.Report.RTT
		case Closed:
			y.reason = ev.Reason
		case Connected, Keyframe, Bandwidth:
		}
	}
}

// A pion viewer on a network with delay and loss misses nothing, says when it got
// what, and says goodbye.
func TestWebRTC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		router, err := vnet.NewRouter(&vnet.RouterConfig{
			CIDR: "10.0.0.0/24", MinDelay: 20 * time.Millisecond, LoggerFactory: &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled},
		})
		if err != nil {
			t.Fatal(err)
		}
		random, dropped := rand.New(rand.NewPCG(3, 4)), new(atomic.Int64)
		router.AddChunkFilter(func(c vnet.Chunk) bool {
			if d := c.UserData(); classify(d) == kindRTP && random.IntN(20) == 0 {
				dropped.Add(1)
				return false
			}
			return true
		})
		host := func(ip string) *vnet.Net {
			n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{ip}})
			if err == nil {
				err = router.AddNet(n)
			}
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		server, client := host("10.0.0.1"), host("10.0.0.2")
		if err := router.Start(); err != nil {
			t.Fatal(err)
		}
		e, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := server.ListenPacket("udp4", "10.0.0.1:8189")
		if err != nil {
			t.Fatal(err)
		}
		socket := e.Attach(conn)
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { _ = e.Run(ctx) })
		running.Go(func() { pump(conn, socket) })

		f, s := newFilm(), e.NewSender()
		var session *Session
		got := make(chan uint16, 10_000)
		settings := webrtc.SettingEngine{}
		settings.SetNet(client)
		pc := watch(t, settings, got, func(offer string) string {
			var sdp string
			session, sdp = answer(t, e, s, f, offer, "a=candidate:1 1 udp 2130706431 10.0.0.1 8189 typ host")
			return sdp
		})
		y := tally{kinds: make(map[EventKind]int)}
		for y.kinds[Connected] == 0 {
			time.Sleep(10 * time.Millisecond)
			y.poll(s)
		}
		const pictures = 300
		for i := range pictures {
			s.Send(f.frame(0, uint16(i*5), media.Ticks(i*3000), 1100, 1100, 1100, 1100, 400), []*Stream{session.Stream(0)})
			s.Flush()
			for range 3 {
				time.Sleep(11 * time.Millisecond)
				y.poll(s)
			}
		}
		for range 50 {
			time.Sleep(10 * time.Millisecond)
			y.poll(s)
		}
		st, lost := session.Stats(), int(dropped.Load())
		numbers := make(map[uint16]bool)
		for len(got) > 0 {
			numbers[<-got] = true
		}
		// What is lost before the first packet comes is nobody's loss.
		if len(numbers) < pictures*5-2 || lost < 50 {
			t.Errorf("%d of %d packets, %d lost on the way: %+v", len(numbers), pictures*5, lost, st)
		}
		if st.Retransmitted < uint64(lost)*8/10 || y.losses < lost/2 || y.received < pictures*4 {
			t.Errorf("%+v with %d lost, %+v", y, lost, st)
		}
		if y.kinds[Reception] < 5 || (y.rtt-40*time.Millisecond).Abs() > 2*time.Millisecond {
			t.Errorf("%+v", y)
		}
		if err := pc.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		y.poll(s)
		if y.kinds[Closed] != 1 || y.reason != ByPeer {
			t.Errorf("%+v", y)
		}
		cancel()
		_ = conn.Close()
		running.Wait()
		if err := router.Stop(); err != nil {
			t.Error(err)
		}
	})
}

// The same over TCP, on loopback.
func TestWebRTCOverTCP(t *testing.T) {
	e, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = e.Run(ctx) })
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				first, err := readFrame(conn, make([]byte, maxFrame))
				if err != nil || !e.Owns(Ufrag(first)) {
					_ = conn.Close()
					return
				}
				e.HandleTCP(conn, first)
			})
		}
	})
	defer func() {
		cancel()
		_ = listener.Close()
		running.Wait()
	}()
	f, s := newFilm(), e.NewSender()
	var session *Session
	got := make(chan uint16, 100)
	settings := webrtc.SettingEngine{}
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	settings.SetIncludeLoopbackCandidate(true)
	pc := watch(t, settings, got, func(offer string) string {
		var sdp string
		addr := netip.MustParseAddrPort(listener.Addr().String())
		session, sdp = answer(t, e, s, f, offer, fmt.Sprintf("a=candidate:1 1 tcp 2130706431 %s %d typ host tcptype passive", addr.Addr(), addr.Port()))
		return sdp
	})
	y := tally{kinds: make(map[EventKind]int)}
	for y.kinds[Connected] == 0 {
		select {
		case <-s.Wake():
			y.poll(s)
		case <-time.After(10 * time.Second):
			t.Fatal("not connected")
		}
	}
	for i := range uint16(10) {
		s.Send(f.frame(0, i, 0, 1000), []*Stream{session.Stream(0)})
	}
	for range 10 {
		select {
		case <-got:
		case <-time.After(10 * time.Second):
			t.Fatal("no media")
		}
	}
	if st := session.Stats(); !st.TCP || st.Packets < 10 {
		t.Errorf("%+v", st)
	}
	if err := pc.Close(); err != nil {
		t.Error(err)
	}
}
