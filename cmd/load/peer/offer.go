package peer

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Direction is that of all media of an offer.
type Direction string

// The directions.
const (
	Receive Direction = "recvonly"
	Send    Direction = "sendonly"
)

// The payload types that are offered. Answers keep them.
const (
	VideoType = 96 // H.264, packetization-mode 1
	VideoRTX  = 97 // RFC 4588
	AudioType = 111
)

const transportCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

// TransportCC is the identifier of the header extension with the transport-wide
// sequence number, where it is negotiated.
const TransportCC = 3

// secret is the credentials of an agent.
type secret struct{ ufrag, password string }

func newSecret() secret {
	const chars = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, 4+24)
	for i := range b {
		b[i] = chars[rand.IntN(len(chars))]
	}
	return secret{string(b[:4]), string(b[4:])}
}

// sources are the SSRCs of what an offer sends.
type sources struct{ video, audio uint32 }

// offer is what a browser would say about H.264 and Opus, without candidates: the
// other end is the one that is reached.
func (d *Dialer) offer(s secret, direction Direction, ssrc sources) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("v=0\r\no=- %d 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1", rand.Int64N(1<<62))
	section := func(kind, mid, types string) {
		line("m=%s 9 UDP/TLS/RTP/SAVPF %s\r\nc=IN IP4 0.0.0.0", kind, types)
		line("a=ice-ufrag:%s\r\na=ice-pwd:%s", s.ufrag, s.password)
		line("a=fingerprint:sha-256 %s\r\na=setup:active", d.fingerprint)
		line("a=mid:%s\r\na=%s\r\na=rtcp-mux\r\na=rtcp-rsize", mid, direction)
		line("a=extmap:%d %s", TransportCC, transportCC)
	}
	source := func(ssrc uint32) {
		if direction == Send {
			line("a=msid:load load\r\na=ssrc:%d cname:load", ssrc)
		}
	}
	section("audio", "0", strconv.Itoa(AudioType))
	line("a=rtpmap:%d opus/48000/2\r\na=rtcp-fb:%[1]d transport-cc", AudioType)
	line("a=fmtp:%d minptime=10;useinbandfec=1", AudioType)
	source(ssrc.audio)
	section("video", "1", strconv.Itoa(VideoType)+" "+strconv.Itoa(VideoRTX))
	line("a=rtpmap:%d H264/90000", VideoType)
	for _, f := range []string{"transport-cc", "ccm fir", "nack", "nack pli"} {
		line("a=rtcp-fb:%d %s", VideoType, f)
	}
	line("a=fmtp:%d level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", VideoType)
	line("a=rtpmap:%d rtx/90000\r\na=fmtp:%[1]d apt=%d", VideoRTX, VideoType)
	source(ssrc.video)
	return b.String()
}

// answer is what of an answer is needed.
type answer struct {
	secret
	fingerprint string // sha-256, in upper case with colons
	candidate   string // the first one by UDP, as "address port"
	transportCC bool
}

func parseAnswer(text string) (answer, error) {
	var a answer
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch key {
		case "a=ice-ufrag":
			a.ufrag = value
		case "a=ice-pwd":
			a.password = value
		case "a=fingerprint":
			a.fingerprint = strings.ToUpper(strings.TrimPrefix(value, "sha-256 "))
		case "a=candidate":
			if f := strings.Fields(value); len(f) > 5 && strings.EqualFold(f[2], "udp") && a.candidate == "" {
				a.candidate = f[4] + " " + f[5]
			}
		case "a=extmap":
			a.transportCC = a.transportCC || strings.HasSuffix(value, transportCC)
		}
	}
	if a.ufrag == "" || a.password == "" || a.fingerprint == "" || a.candidate == "" {
		return a, fmt.Errorf("an answer without credentials, a fingerprint or a UDP candidate:\n%s", text)
	}
	return a, nil
}
