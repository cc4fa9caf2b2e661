package rtc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/pipeline/media"
)

func sample(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestParseOffer(t *testing.T) {
	for name, want := range map[string]string{
		"obs.sdp":           "audio 0 [] [Opus]; video 1 [] [H.264]",
		"obs-simulcast.sdp": "audio 0 [] [Opus]; video 1 [0 1 2] [H.264]",
		"chromium.sdp":      "audio 0 [] [Opus]; video 1 [low mid high] [H.264 AV1 VP9 VP8]",
	} {
		o, err := ParseOffer([]byte(sample(t, name)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, m := range o.Media {
			got = append(got, fmt.Sprintf("%s %s %v %v", m.Kind, m.MID, m.Layers, m.Codecs))
		}
		if got := strings.Join(got, "; "); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestRefusedOffers(t *testing.T) {
	obs, simulcast := sample(t, "obs.sdp"), sample(t, "obs-simulcast.sdp")
	_, rest, _ := strings.Cut(obs, "m=video")
	video := "m=video" + rest
	for _, c := range []struct {
		name, sdp string
		reason    Reason
		text      string
	}{
		{"empty", "", Malformed, "The offer has 0 media"},
		{"text", "hello", Malformed, "The offer is no SDP"},
		{"too long", obs + strings.Repeat("a=x\r\n", 15000), Malformed, "at most 65536 are allowed"},
		{"without media", obs[:strings.Index(obs, "m=audio")], Malformed, "The offer has 0 media"},
		{"nine media", obs + strings.Repeat(video, 7), Malformed, "The offer has 9 media"},
		{"65 candidates", obs + strings.Repeat("a=candidate:1 1 UDP 1 10.0.0.1 1 typ host\r\n", 65), Malformed, "65 candidates; at most 64"},
		{"many formats", strings.Replace(obs, "SAVPF 96", "SAVPF 96"+strings.Repeat(" 97", 128), 1), Malformed, "129 formats of video; at most 128"},
		{"many attributes", obs + strings.Repeat("a=rtpmap:97 H264/90000\r\n", 600), Malformed, "attributes in one place; at most 512"},
		{"two videos", obs + strings.Replace(video, "mid:1", "mid:2", 1), Unsupported, "more than one video"},
		{"data channel", obs + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", Unsupported, `"application"; only audio and video`},
		{"plain RTP", strings.ReplaceAll(obs, "UDP/TLS/RTP/SAVPF", "RTP/AVP"), Unsupported, "DTLS-SRTP"},
		{"without rtcp-mux", strings.Replace(obs, "a=rtcp-mux\r\n", "", 1), Unsupported, "rtcp-mux"},
		{"a viewer", strings.ReplaceAll(obs, "a=sendonly", "a=recvonly"), Unsupported, "recvonly; a publisher sends"},
		{"without a mid", strings.Replace(obs, "a=mid:0\r\n", "", 1), Malformed, "a=mid"},
		{"an odd mid", strings.Replace(obs, "a=mid:0", "a=mid:<script>", 1), Malformed, "a=mid"},
		{"the same mid", strings.Replace(obs, "a=mid:0", "a=mid:1", 1), Malformed, "Two media"},
		{"without credentials", strings.Replace(obs, "a=ice-pwd:", "a=x:", 1), Malformed, "ICE credentials"},
		{"odd credentials", strings.Replace(obs, "Yh5B", "Y h5B", 1), Malformed, "ICE credentials"},
		{"without fingerprint", strings.Replace(obs, "a=fingerprint:", "a=x:", 1), Malformed, "a=fingerprint"},
		{"holdconn", strings.Replace(obs, "actpass", "holdconn", 1), Unprocessable, "write actpass"},
		{"no codec", strings.Replace(obs, "H264/90000", "H263/90000", 1), Unsupported, "None of the video codecs"},
		{"not bundled", strings.Replace(obs, "BUNDLE 0 1", "BUNDLE 0", 1), Unsupported, "not in the BUNDLE group"},
		{"without bundle", strings.Replace(obs, "a=group:BUNDLE", "a=x:", 1), Unsupported, "a=group:BUNDLE is missing"},
		{"the same layer", strings.Replace(simulcast, "send 0;1;2", "send 0;1;1", 1), Malformed, "different names"},
		{"nine layers", strings.Replace(simulcast, "send 0;1;2", "send 0;1;2;3;4;5;6;7;8", 1), Unsupported, "9 layers; at most 8"},
	} {
		_, err := ParseOffer([]byte(c.sdp))
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Reason != c.reason || !strings.Contains(refusal.Text, c.text) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestParseFragment(t *testing.T) {
	const good = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n" +
		"a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\na=end-of-candidates\r\n"
	for _, c := range []struct{ text, want string }{
		{good, "1 EsAw P2uYro0UCOQ4zxjKXaWCBui1"},
		{strings.ReplaceAll(good, "\r\n", "\n"), "1 EsAw P2uYro0UCOQ4zxjKXaWCBui1"},
		{"a=end-of-candidates\r\n", "0  "},
		{"", "The fragment is empty."},
		{"nonsense", "The fragment's line 1 is no SDP."},
		{"a=ice-ufrag:EsAw\r\n", "The ICE credentials are missing or break RFC 8839 section 5.4."},
		{good + "a=ice-ufrag:Other\r\n", "The fragment has more than one a=ice-ufrag."},
		{good + strings.Repeat("a=candidate:1\r\n", 64), "The fragment has 65 candidates; at most 64 are allowed."},
		{good + strings.Repeat("m=audio 9 RTP/AVP 0\r\n", 8), "The fragment has 9 media; at most 8 are allowed."},
		{strings.Repeat("a=x\r\n", 20000), "The fragment has 100000 bytes; at most 65536 are allowed."},
	} {
		f, err := ParseFragment([]byte(c.text))
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprintf("%d %s %s", f.Candidates, f.credentials.ufrag, f.credentials.pwd)
		}
		if got != c.want {
			t.Errorf("%.40q: got %q, want %q", c.text, got, c.want)
		}
	}
}

// Whatever is accepted can be written for the PeerConnection, and holds no candidate.
func FuzzOffer(f *testing.F) {
	for _, name := range []string{"obs.sdp", "obs-simulcast.sdp", "chromium.sdp"} {
		f.Add([]byte(sample(f, name)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := ParseOffer(text)
		if err != nil {
			var refusal *Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if len(o.Media) == 0 || len(o.Media) > 2 {
			t.Fatalf("%d media", len(o.Media))
		}
		d, err := o.forPion(credentials{"newufrag", "newpasswordnewpasswordnew"})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(d.SDP, "\r\na=candidate") {
			t.Error("it holds candidates")
		}
	})
}

func FuzzFragment(f *testing.F) {
	f.Add([]byte("a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed, err := ParseFragment(text)
		if err == nil && parsed.credentials != (credentials{}) && parsed.credentials.check() != nil {
			t.Error("bad credentials were accepted")
		}
	})
}

// RTP of any shape: what is let through has a payload within the packet.
func FuzzRead(f *testing.F) {
	f.Add([]byte("\x80\x60\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03payload"))
	f.Add([]byte("\xb0\x60\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\xbe\xde\x00\x01\x10\xff\x00\x00pay\x02"))
	f.Add([]byte("\xa0\x60\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x01"))
	f.Fuzz(func(t *testing.T, packet []byte) {
		l := &layer{kind: media.KindVideo, codecs: map[uint8]media.Codec{96: media.CodecH264}}
		if p, ok := l.read(packet); ok && (len(p.Payload) > len(packet)-12 || p.Codec != media.CodecH264) {
			t.Errorf("%+v", p)
		}
	})
}

func FuzzCheckFor(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x10\x21\x12\xa4\x42............\x00\x06\x00\x05ab:cd\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, packet []byte) {
		if u := checkFor(packet); len(u) > len(packet) {
			t.Error(u)
		}
	})
}
