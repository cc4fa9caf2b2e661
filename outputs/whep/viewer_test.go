package whep

import (
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/transport/v5"
	"github.com/pion/webrtc/v4"
)

// player watches with pion/webrtc.
type player struct {
	t         *testing.T
	pc        *webrtc.PeerConnection
	studio    *studio
	location  string // leaf
	etag      string
	connected chan struct{}
	lost      chan struct{}
	began     time.Time

	mu      sync.Mutex // guards what follows
	video   []seen
	audio   map[uint16]bool // sequence numbers
	ssrc    uint32
	changed chan struct{}
}

// seen is a picture's packet, with what the picture says of itself.
type seen struct {
	at        time.Duration // since the offer was sent
	sequence  uint16
	timestamp uint32
	first     bool // of its picture, so that key, number and layer are known
	key       bool
	number    int
	layer     int
	size      int
	last      bool
}

// newPlayer makes one, which leaves with the test. net is nil for this machine's.
func newPlayer(t *testing.T, s *studio, net transport.Net, codecs ...webrtc.RTPCodecParameters) *player {
	t.Helper()
	engine := &webrtc.MediaEngine{}
	check(t, engine.RegisterDefaultCodecs())
	registry := feedback(t, engine)
	quiet := logging.NewDefaultLoggerFactory()
	quiet.Writer = io.Discard
	setting := webrtc.SettingEngine{LoggerFactory: quiet}
	if net != nil {
		setting.SetNet(net)
	}
	setting.SetIncludeLoopbackCandidate(true)
	setting.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	setting.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(setting))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	check(t, err)
	p := &player{
		t: t, pc: pc, studio: s, connected: make(chan struct{}), lost: make(chan struct{}), changed: make(chan struct{}, 1),
		audio: make(map[uint16]bool),
	}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		tr, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		check(t, err)
		if kind == webrtc.RTPCodecTypeVideo && codecs != nil {
			check(t, tr.SetCodecPreferences(codecs))
		}
	}
	var once, gone sync.Once
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			once.Do(func() { close(p.connected) })
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			gone.Do(func() { close(p.lost) })
		default:
		}
	})
	pc.OnTrack(p.watch)
	t.Cleanup(func() { check(t, pc.GracefulClose()) })
	return p
}

// feedback is NACK as often as browsers ask, reports, and transport-wide
// feedback.
func feedback(t *testing.T, engine *webrtc.MediaEngine) *interceptor.Registry {
	t.Helper()
	registry := &interceptor.Registry{}
	asking, err := nack.NewGeneratorInterceptor(nack.GeneratorMaxNacksPerPacket(10), nack.GeneratorInterval(100*time.Millisecond))
	check(t, err)
	registry.Add(asking)
	engine.RegisterFeedback(webrtc.RTCPFeedback{Type: "nack"}, webrtc.RTPCodecTypeVideo)
	engine.RegisterFeedback(webrtc.RTCPFeedback{Type: "nack", Parameter: "pli"}, webrtc.RTPCodecTypeVideo)
	check(t, webrtc.ConfigureRTCPReports(registry))
	check(t, webrtc.ConfigureTWCCSender(engine, registry))
	return registry
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// offer is a complete offer.
func (p *player) offer() string {
	p.t.Helper()
	offer, err := p.pc.CreateOffer(nil)
	check(p.t, err)
	gathered := webrtc.GatheringCompletePromise(p.pc)
	check(p.t, p.pc.SetLocalDescription(offer))
	<-gathered
	return p.pc.LocalDescription().SDP
}

// join posts the offer and takes the answer.
func (p *player) join(query string) {
	p.t.Helper()
	offer := p.offer()
	p.began = time.Now()
	r := p.studio.do(http.MethodPost, "whep"+query, sdpType, offer)
	answer, err := io.ReadAll(r.Body)
	check(p.t, err)
	if r.StatusCode != http.StatusCreated {
		p.t.Fatalf("%s: %s", r.Status, answer)
	}
	const prefix = "/live/studio/"
	p.location, p.etag = r.Header.Get("Location")[len(prefix):], r.Header.Get("ETag")
	check(p.t, p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)}))
}

func (p *player) watch(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	go func() { // sender reports, which pion notes when they are read
		for {
			if _, _, err := receiver.ReadRTCP(); err != nil {
				return
			}
		}
	}()
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		p.mu.Lock()
		if track.Kind() == webrtc.RTPCodecTypeAudio {
			p.audio[packet.SequenceNumber] = true
		} else {
			p.ssrc = packet.SSRC
			p.see(packet)
		}
		p.mu.Unlock()
		select {
		case p.changed <- struct{}{}:
		default:
		}
	}
}

// see takes a packet apart: single NAL units and FU-A of studio.picture, parameter
// sets left out.
func (p *player) see(packet *rtp.Packet) {
	s := seen{
		at: time.Since(p.began), sequence: packet.SequenceNumber, timestamp: packet.Timestamp,
		size: len(packet.Payload), last: packet.Marker,
	}
	b := packet.Payload
	if len(b) < 8 {
		return
	}
	switch b[0] & 0x1f {
	case 1, 5:
		s.first, s.key, s.number, s.layer = true, b[0]&0x1f == 5, int(b[2])<<8|int(b[3]), int(b[4])
	case 28:
		if b[1]&0x80 != 0 {
			s.first, s.key, s.number, s.layer = true, b[1]&0x1f == 5, int(b[3])<<8|int(b[4]), int(b[5])
		}
	}
	p.video = append(p.video, s)
}

// pictures are those whose first packet has come, in order of sequence numbers.
func (p *player) pictures() []seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := slices.Clone(p.video)
	slices.SortStableFunc(all, func(a, b seen) int { return int(int16(a.sequence - b.sequence)) })
	all = slices.CompactFunc(all, func(a, b seen) bool { return a.sequence == b.sequence })
	return slices.DeleteFunc(all, func(s seen) bool { return !s.first })
}

// sounds is the number of audio packets.
func (p *player) sounds() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.audio)
}

// missing is how many sequence numbers never came, between the first and the last.
func (p *player) missing() (missing, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.video) == 0 {
		return 0, 0
	}
	have := make(map[uint16]bool)
	low, high := p.video[0].sequence, p.video[0].sequence
	for _, s := range p.video {
		have[s.sequence] = true
		if int16(s.sequence-low) < 0 {
			low = s.sequence
		}
		if int16(s.sequence-high) > 0 {
			high = s.sequence
		}
	}
	total = int(high-low) + 1
	return total - len(have), total
}

// await waits until ok says so.
func (p *player) await(what string, ok func() bool) {
	p.t.Helper()
	deadline := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-p.changed:
		case <-deadline:
			p.t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (p *player) pli() {
	p.mu.Lock()
	ssrc := p.ssrc
	p.mu.Unlock()
	check(p.t, p.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}}))
}
