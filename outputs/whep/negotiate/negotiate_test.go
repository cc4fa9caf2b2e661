package negotiate

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"weir/pipeline/media"
)

func tracks() []*media.Track {
	return []*media.Track{
		{
			ID: "video", Codec: media.CodecH264, Form: media.FormRTP, Rate: media.VideoRate,
			Layers: []media.Layer{{Width: 1280, Height: 720}}, Config: []byte{1, 0x4d, 0x40, 0x1f},
		},
		{ID: "audio", Codec: media.CodecOpus, Form: media.FormRTP, Rate: media.OpusRate, Channels: 2},
	}
}

func reply(t testing.TB, o *Offer, streams []Stream) []byte {
	t.Helper()
	for i := range streams {
		streams[i].SSRC, streams[i].RTXSSRC = uint32(1000+i), uint32(2000+i)
	}
	text, err := o.Answer(Answer{
		SessionID: 42, Ufrag: "weirufrag", Password: "weirpasswordweirpassword",
		Fingerprint: "sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F",
		Candidates:  []string{"1 1 udp 2130706431 192.0.2.1 8189 typ host", "2 1 tcp 1518280447 192.0.2.1 8189 typ host tcptype passive"},
		CNAME:       "weir", Streams: streams,
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Each testdata/*.offer has its answer beside it; REWRITE=1 writes it.
func TestAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/*.offer")
	if err != nil || len(files) == 0 {
		t.Fatal("no offers: ", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			o, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			got := reply(t, o, o.Match(tracks()))
			golden := strings.TrimSuffix(file, "offer") + "answer"
			if os.Getenv("REWRITE") != "" {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// What each codec is offered as by pion, and what of it is taken.
func TestCodecs(t *testing.T) {
	engine := &webrtc.MediaEngine{}
	if err := engine.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(engine)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pc.Close() }()
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := pc.AddTransceiverFromKind(kind); err != nil {
			t.Fatal(err)
		}
	}
	desc, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Parse([]byte(desc.SDP))
	if err != nil {
		t.Fatal(err)
	}
	for codec, want := range map[media.Codec]string{
		media.CodecH264: "H264/90000", media.CodecH265: "H265/90000", media.CodecVP8: "VP8/90000", media.CodecVP9: "VP9/90000",
		media.CodecAV1: "AV1/90000", media.CodecOpus: "opus/48000/2",
	} {
		track := &media.Track{ID: "t", Codec: codec, Form: media.FormRTP, Rate: media.VideoRate}
		streams := o.Match([]*media.Track{track})
		if len(streams) != 1 {
			t.Errorf("%v is not taken", codec)
			continue
		}
		if s := streams[0]; codec.Kind() == media.KindVideo && (s.RTXPayloadType == 0 || !s.Has("nack")) {
			t.Errorf("%v: %+v", codec, s)
		}
		answer := string(reply(t, o, streams))
		if !strings.Contains(answer, " "+want+"\r\n") || strings.Count(answer, "a=sendonly") != 1 || strings.Count(answer, "a=inactive") != 1 {
			t.Errorf("%v: %s", codec, answer)
		}
	}
	if streams := o.Match([]*media.Track{{ID: "a", Codec: media.CodecAAC}}); streams != nil {
		t.Errorf("%+v", streams)
	}
}

func TestRefusals(t *testing.T) {
	text, err := os.ReadFile("testdata/firefox.offer")
	if err != nil {
		t.Fatal(err)
	}
	offer := string(text)
	for _, c := range []struct {
		name, offer string
		want        error
	}{
		{"nothing", "", ErrMalformed},
		{"no media", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", ErrMalformed},
		{"large", offer + strings.Repeat("a=x\r\n", MaxSDP), ErrMalformed},
		{"m-lines", offer + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", 7), ErrUnsupported},
		{"candidates", offer + strings.Repeat("a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n", 65), ErrUnsupported},
		{"no ufrag", strings.ReplaceAll(offer, "a=ice-ufrag", "a=x"), ErrMalformed},
		{"bad ufrag", strings.ReplaceAll(offer, "c6f1c1d2", "c6 f1"), ErrMalformed},
		{"short password", strings.ReplaceAll(offer, "b3df8fb5ffe5d5fae66a0a2eeb51ed49", "b3df"), ErrMalformed},
		{"passive", strings.ReplaceAll(offer, "setup:actpass", "setup:passive"), ErrUnsupported},
		{"no mux", strings.ReplaceAll(offer, "a=rtcp-mux", "a=x"), ErrUnsupported},
		{"plain RTP", strings.ReplaceAll(offer, "UDP/TLS/RTP/SAVPF", "RTP/AVP"), ErrUnsupported},
		{"payload type", strings.ReplaceAll(offer, "SAVPF 120 ", "SAVPF 1000 "), ErrMalformed},
	} {
		if _, err := Parse([]byte(c.offer)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestH264Rank(t *testing.T) {
	high := []byte{1, 0x64, 0, 0x1f}
	for _, c := range []struct {
		parameters string
		config     []byte
		want       int
	}{
		{"profile-level-id=42e01f", nil, 0},
		{"packetization-mode=0;profile-level-id=42e01f", nil, 0},
		{"packetization-mode=1;profile-level-id=42e01f", nil, 5},
		{"packetization-mode=1;profile-level-id=42001f", nil, 4},
		{"packetization-mode=1", nil, 4},
		{"packetization-mode=1;profile-level-id=42e01f", high, 1},
		{"packetization-mode=1;profile-level-id=4d001f", high, 2},
		{"Packetization-Mode=1; profile-level-id=64001f", high, 5},
		{"packetization-mode=1;profile-level-id=64001f", []byte{1, 0x4d, 0, 0x1f}, 3},
	} {
		if got := rankH264(format{parameters: c.parameters}, c.config); got != c.want {
			t.Errorf("%s of %x: %d, want %d", c.parameters, c.config, got, c.want)
		}
	}
}

// Whatever is offered, it is refused or answered, and the answer is an SDP with as
// many m-lines.
func FuzzOffer(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.offer")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported) {
				t.Fatal(err)
			}
			return
		}
		answer := reply(t, o, o.Match(tracks()))
		desc, err := unmarshal(answer)
		if err != nil {
			t.Fatalf("%v: %q", err, answer)
		}
		if len(desc.MediaDescriptions) != len(o.media) {
			t.Fatalf("%d m-lines, %d were offered: %q", len(desc.MediaDescriptions), len(o.media), answer)
		}
	})
}

func FuzzFragment(f *testing.F) {
	f.Add([]byte("a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\na=end-of-candidates\r\n"))
	f.Add(Restarted("abcd", "abcdefghijklmnopqrstuv", []string{"1 1 udp 1 192.0.2.1 1 typ host"}))
	f.Fuzz(func(t *testing.T, text []byte) {
		fr, err := ParseFragment(text)
		if err == nil && (fr.Candidates > maxCandidates || fr.Ufrag != "" && !iceChars(fr.Ufrag, 4)) {
			t.Fatalf("%+v", fr)
		}
	})
}
