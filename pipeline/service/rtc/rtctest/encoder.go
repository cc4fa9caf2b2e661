package rtctest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/transport/v5"
	"github.com/pion/webrtc/v4"
)

// Encoder publishes: a PeerConnection with the tracks that it was given.
type Encoder struct {
	PC     *webrtc.PeerConnection
	Video  []*webrtc.TrackLocalStaticRTP // one for each layer
	Audio  *webrtc.TrackLocalStaticRTP
	Sender *webrtc.RTPSender // of the video
	// Plis are the keyframe requests that came.
	Plis chan time.Time
	// Connected closes when the encoder may send.
	Connected chan struct{}
	// Lost closes when the connection is gone.
	Lost chan struct{}

	// What was sent: packets of each stream, pictures, pieces of sound.
	seq          [9]uint16
	frame, sound int
}

// Options say what an Encoder sends.
type Options struct {
	// VideoMIME and AudioMIME are the codecs; "" is no such track.
	VideoMIME, AudioMIME string
	// RIDs are the simulcast layers.
	RIDs []string
	// Net is the network; nil is this machine's.
	Net transport.Net
	// Plain offers H.264 as 96 and Opus as 111, as OBS does, without RTX: what is asked
	// for is sent again as it was.
	Plain bool
	// TCP makes it use ICE-TCP.
	TCP bool
}

// NewEncoder makes an encoder, which is closed with the test.
func NewEncoder(t *testing.T, o Options) *Encoder {
	t.Helper()
	engine := &webrtc.MediaEngine{}
	if o.Plain {
		registerPlain(t, engine)
	} else {
		check(t, engine.RegisterDefaultCodecs())
	}
	registry := &interceptor.Registry{}
	check(t, webrtc.RegisterDefaultInterceptors(engine, registry))
	check(t, webrtc.ConfigureSimulcastExtensionHeaders(engine))
	s := webrtc.SettingEngine{}
	if o.Net != nil {
		s.SetNet(o.Net)
	}
	s.SetIncludeLoopbackCandidate(true)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.LoggerFactory = quiet()
	s.SetICETimeouts(5*time.Second, 10*time.Second, time.Second)
	if o.TCP {
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	} else {
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(s))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	check(t, err)
	e := &Encoder{PC: pc, Plis: make(chan time.Time, 1000), Connected: make(chan struct{}), Lost: make(chan struct{})}
	t.Cleanup(func() { check(t, pc.GracefulClose()) })
	var connected, lost sync.Once
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			connected.Do(func() { close(e.Connected) })
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			lost.Do(func() { close(e.Lost) })
		default: // on its way to one of them
		}
	})
	e.addTracks(t, o)
	return e
}

func registerPlain(t *testing.T, engine *webrtc.MediaEngine) {
	t.Helper()
	check(t, engine.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeH264, ClockRate: 90000,
			SDPFmtpLine:  "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1",
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "goog-remb"}},
		},
		PayloadType: 96,
	}, webrtc.RTPCodecTypeVideo))
	check(t, engine.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2,
			SDPFmtpLine: "minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1",
		},
		PayloadType: 111,
	}, webrtc.RTPCodecTypeAudio))
}

func (e *Encoder) addTracks(t *testing.T, o Options) {
	t.Helper()
	if o.AudioMIME != "" {
		var err error
		e.Audio, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: o.AudioMIME}, "audio", "studio")
		check(t, err)
		go drain(e.send(t, e.Audio), nil)
	}
	if o.VideoMIME == "" {
		return
	}
	rids := o.RIDs
	if len(rids) == 0 {
		rids = []string{""}
	}
	for i, rid := range rids {
		var options []func(*webrtc.TrackLocalStaticRTP)
		if rid != "" {
			options = append(options, webrtc.WithRTPStreamID(rid))
		}
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: o.VideoMIME}, "video", "studio", options...)
		check(t, err)
		e.Video = append(e.Video, track)
		if i > 0 {
			check(t, e.Sender.AddEncoding(track))
			go drainLayer(e.Sender, rid, e.Plis)
			continue
		}
		e.Sender = e.send(t, track)
		go drain(e.Sender, e.Plis)
	}
}

func (e *Encoder) send(t *testing.T, track webrtc.TrackLocal) *webrtc.RTPSender {
	t.Helper()
	tr, err := e.PC.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		t.Fatal(err)
	}
	return tr.Sender()
}

// Bare makes an offer without candidates, as encoders do that look for them later.
func (e *Encoder) Bare(t *testing.T) string {
	t.Helper()
	offer, err := e.PC.CreateOffer(nil)
	check(t, err)
	check(t, e.PC.SetLocalDescription(offer))
	return offer.SDP
}

// Offer makes the offer, with all candidates.
func (e *Encoder) Offer(t *testing.T) string {
	t.Helper()
	offer, err := e.PC.CreateOffer(nil)
	check(t, err)
	gathered := webrtc.GatheringCompletePromise(e.PC)
	check(t, e.PC.SetLocalDescription(offer))
	<-gathered
	return e.PC.LocalDescription().SDP
}

// Accept takes the answer.
func (e *Encoder) Accept(t *testing.T, answer string) {
	t.Helper()
	check(t, e.PC.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
}

// drain reads RTCP, which pion wants, and notes keyframe requests.
func drain(s *webrtc.RTPSender, plis chan<- time.Time) {
	for {
		packets, _, err := s.ReadRTCP()
		if err != nil {
			return
		}
		note(packets, plis)
	}
}

func drainLayer(s *webrtc.RTPSender, rid string, plis chan<- time.Time) {
	for {
		packets, _, err := s.ReadSimulcastRTCP(rid)
		if err != nil {
			return
		}
		note(packets, plis)
	}
}

func note(packets []rtcp.Packet, plis chan<- time.Time) {
	for _, p := range packets {
		if _, ok := p.(*rtcp.PictureLossIndication); ok && plis != nil {
			select {
			case plis <- time.Now():
			default:
			}
		}
	}
}

// Movie sends d of synthetic media on all tracks: 30
// pictures a second of so many packets each, and sound every 20 ms. It takes as long, or
// until the connection is gone.
func (e *Encoder) Movie(t *testing.T, d time.Duration, packets int) {
	t.Helper()
	e.seq, e.frame, e.sound = [9]uint16{}, 0, 0
	e.Continue(t, d, packets)
}

// Continue sends more of what Movie sends.
func (e *Encoder) Continue(t *testing.T, d time.Duration, packets int) {
	t.Helper()
	past := time.Duration(max(e.frame*3000, e.sound*1800)) * time.Second / 90000
	e.frame, e.sound = int(past*30/time.Second), int(past*50/time.Second)
	began := time.Now().Add(-past)
	d += past
	for {
		frame, sound := e.frame, e.sound
		seq := &e.seq
		video, audio := time.Duration(frame)*time.Second/30, time.Duration(sound)*20*time.Millisecond
		at := min(video, audio)
		if e.Audio == nil {
			at = video
		} else if len(e.Video) == 0 {
			at = audio
		}
		if at >= d {
			return
		}
		select {
		case <-time.After(time.Until(began.Add(at))):
		case <-e.Lost:
			return
		}
		if e.Audio != nil && at == audio {
			check(t, e.Audio.WriteRTP(&rtp.Packet{
				Header:  rtp.Header{Version: 2, Marker: sound == 0, SequenceNumber: seq[8], Timestamp: uint32(sound * 960)},
				Payload: append([]byte{0xfc}, make([]byte, 120)...), // 20 ms, CELT, stereo, one frame (RFC 6716)
			}))
			seq[8]++
			e.sound++
		}
		if len(e.Video) == 0 || at != video {
			continue
		}
		for i, track := range e.Video {
			for n := range packets {
				p := &rtp.Packet{
					Header: rtp.Header{
						Version: 2, Marker: n == packets-1, SequenceNumber: seq[i], Timestamp: uint32(frame * 3000),
					},
					Payload: picture(frame, n, packets),
				}
				e.name(t, p, track.RID())
				check(t, track.WriteRTP(p))
				seq[i]++
			}
		}
		e.frame++
	}
}

// name puts the names of its medium and layer into a packet (RFC 8843 section 15, RFC
// 8852 section 3.1), without which nobody knows a layer.
func (e *Encoder) name(t *testing.T, p *rtp.Packet, rid string) {
	t.Helper()
	if rid == "" {
		return
	}
	for _, x := range e.Sender.GetParameters().HeaderExtensions {
		switch x.URI {
		case sdp.SDESMidURI:
			for _, tr := range e.PC.GetTransceivers() {
				if tr.Sender() == e.Sender {
					check(t, p.Header.SetExtension(uint8(x.ID), []byte(tr.Mid())))
				}
			}
		case sdp.SDESRTPStreamIDURI:
			check(t, p.Header.SetExtension(uint8(x.ID), []byte(rid)))
		}
	}
}

// picture is packet n of a H.264 picture in FU-A fragments (RFC 6184 section 5.8), or
// the whole of it: an IDR picture each second.
func picture(frame, n, packets int) []byte {
	kind := byte(1)
	if frame%30 == 0 {
		kind = 5
	}
	body := make([]byte, 1000)
	body[0], body[1], body[2] = 0x88, byte(frame), byte(n) // first_mb_in_slice is 0
	if packets == 1 {
		return append([]byte{0x60 | kind}, body...)
	}
	fu := kind
	switch n {
	case 0:
		fu |= 0x80
	case packets - 1:
		fu |= 0x40
	}
	return append([]byte{0x60 | 28, fu}, body...)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// Restart begins an ICE restart: it returns the fragment to PATCH, and what takes the
// fragment that answers it.
func (e *Encoder) Restart(t *testing.T) (fragment string, accept func(answer string)) {
	t.Helper()
	old := e.PC.RemoteDescription().SDP
	offer, err := e.PC.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	check(t, err)
	gathered := webrtc.GatheringCompletePromise(e.PC)
	check(t, e.PC.SetLocalDescription(offer))
	<-gathered
	sdp := e.PC.LocalDescription().SDP
	return "a=ice-ufrag:" + attribute(sdp, "ice-ufrag") + "\r\na=ice-pwd:" + attribute(sdp, "ice-pwd") + "\r\n", func(answer string) {
		for _, key := range []string{"ice-ufrag", "ice-pwd"} {
			old = strings.ReplaceAll(old, attribute(old, key), attribute(answer, key))
		}
		e.Accept(t, old)
	}
}

// attribute is the first value of an attribute in SDP.
func attribute(sdp, key string) string {
	_, rest, _ := strings.Cut(sdp, "a="+key+":")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}
