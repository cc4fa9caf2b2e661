package whep

import (
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/webrtc/v4"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/media"
	"weir/pipeline/service/rtc/rtctest"
)

// code is the "code" of a problem, or what there is instead.
func code(t *testing.T, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	check(t, err)
	var p struct{ Code string }
	if r.Header.Get("Content-Type") != "application/problem+json" || json.Unmarshal(text, &p) != nil {
		return r.Header.Get("Content-Type")
	}
	return p.Code
}

func TestResources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := newStudio(t, n.Listen(), defaults(), video("hd", "sd"), sound())
		s.picture(0, 30, 2000)
		p := newPlayer(t, s, n.Client())
		offer := p.offer()
		vp8 := newPlayer(t, s, n.Client(), webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, PayloadType: 96,
		}).offer()
		vp8 = vp8[:strings.Index(vp8, "m=audio")]
		vp8 = strings.Replace(vp8, "BUNDLE 0 1", "BUNDLE 0", 1)
		for _, c := range []struct {
			method, leaf, kind, body string
			status                   int
			code                     string
		}{
			{"GET", "whep", "", "", 405, "method_not_allowed"},
			{"PATCH", "whep", fragmentType, "a=x", 405, "method_not_allowed"},
			{"OPTIONS", "whep", "", "", 204, ""},
			{"POST", "whep", "", offer, 415, "unsupported_type"},
			{"POST", "whep", "text/plain", offer, 415, "unsupported_type"},
			{"POST", "whep", sdpType, "", 400, "malformed_sdp"},
			{"POST", "whep", sdpType, "v=0\r\n", 400, "malformed_sdp"},
			{"POST", "whep", sdpType, strings.Repeat("a", 65<<10), 413, "too_large"},
			{"POST", "whep", sdpType, strings.ReplaceAll(offer, "recvonly", "sendonly"), 422, "unsupported_offer"},
			{"POST", "whep", sdpType, strings.ReplaceAll(offer, "setup:actpass", "setup:passive"), 422, "unsupported_offer"},
			{"POST", "whep", sdpType, strings.ReplaceAll(offer, "a=fingerprint", "a=footprint"), 400, "malformed_sdp"},
			{"POST", "whep", sdpType, vp8, 406, "no_common_codec"},
			{"POST", "whep?layer=none", sdpType, offer, 400, "unknown_layer"},
			{"DELETE", "whep/0123456789abcdef0123456789abcdef", "", "", 404, "no_session"},
			{"GET", "whep/0123456789abcdef0123456789abcdef", "", "", 405, "method_not_allowed"},
			{"POST", "whep?layer=sd", sdpType + "; charset=utf-8", offer, 201, sdpType},
		} {
			r := s.do(c.method, c.leaf, c.kind, c.body)
			if got := code(t, r); r.StatusCode != c.status || got != c.code {
				t.Errorf("%s %s: %d %s, want %d %s", c.method, c.leaf, r.StatusCode, got, c.status, c.code)
			}
			if r.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s %s: no CORS", c.method, c.leaf)
			}
		}
		if r := s.do("OPTIONS", "whep", "", ""); r.Header.Get("Accept-Post") != sdpType || r.Header.Get("Allow") != "OPTIONS, POST" {
			t.Errorf("%v", r.Header)
		}
		if st := s.status(); st.Opened != 1 || st.Counts[refusedCodec] != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// A session's own resource: trickled candidates, an ICE restart, the layers.
func TestSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := newStudio(t, n.Listen(), defaults(), video("hd", "sd"))
		s.play(0, 10*time.Second, 30, 2000)
		time.Sleep(time.Second)
		p := newPlayer(t, s, n.Client())
		p.join("")
		<-p.connected
		const candidate = "a=ice-ufrag:%s\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n"
		same := strings.Replace(candidate, "a=ice-ufrag:%s\r\n", "", 1)
		other := strings.Replace(candidate, "%s", "another1", 1)
		for _, c := range []struct {
			kind, body, match string
			status            int
			code              string
		}{
			{sdpType, same, p.etag, 415, "unsupported_type"},
			{fragmentType, "", p.etag, 400, "malformed_sdp"},
			{fragmentType, "nonsense", p.etag, 400, "malformed_sdp"},
			{fragmentType, same, "", 428, "precondition_required"},
			{fragmentType, same, `"else"`, 412, "precondition_failed"},
			{fragmentType, same, "*", 412, "precondition_failed"},
			{fragmentType, same, p.etag, 204, ""},
			{fragmentType, other, "*", 200, fragmentType},
			{fragmentType, same, p.etag, 412, "precondition_failed"}, // the restart has made a new one
		} {
			r := s.do("PATCH", p.location, c.kind, c.body, "If-Match", c.match)
			if got := code(t, r); r.StatusCode != c.status || got != c.code {
				t.Errorf("%s %q: %d %s, want %d %s", c.kind, c.match, r.StatusCode, got, c.status, c.code)
			}
			if c.status == 200 && (r.Header.Get("ETag") == p.etag || r.Header.Get("ETag") == "") {
				t.Error("the restart has no ETag of its own")
			}
		}
		time.Sleep(time.Second)
		r := s.do("GET", p.location+"/layer", "", "")
		var m menu
		check(t, json.NewDecoder(r.Body).Decode(&m))
		if m.Choice != "auto" || len(m.Layers) != 2 || m.Layers[0].Name != "hd" || m.Layers[0].Width != 1280 || m.Layers[1].Bitrate == 0 {
			t.Errorf("%+v", m)
		}
		for range mostPatches {
			r = s.do("PATCH", p.location, fragmentType, same, "If-Match", p.etag)
		}
		if got := code(t, r); got != "too_many_patches" {
			t.Error(got)
		}
	})
}

// Without a stream the answer says when to ask again, or the stream is woken.
func TestOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := newStudio(t, n.Listen(), defaults(), sound())
		p := newPlayer(t, s, n.Client())
		offer := p.offer()
		close(s.more)
		<-s.ended
		r := s.do("POST", "whep", sdpType, offer)
		if got := code(t, r); r.StatusCode != 404 || got != "stream_offline" || r.Header.Get("Retry-After") != "2" {
			t.Errorf("%d %s %v", r.StatusCode, got, r.Header)
		}
		var woken []string
		d := &desk{registry: newRegistry(), policy: access.Keys{}, when: pipeline.Demanded, wake: func(path string) error {
			woken = append(woken, path)
			return nil
		}}
		s.mount.Serve = d.serve
		began := time.Now()
		if got := code(t, s.do("POST", "whep", sdpType, offer)); got != "stream_offline" || len(woken) != 1 || woken[0] != "live/studio" {
			t.Error(got, woken)
		}
		if waited := time.Since(began); waited != startWait {
			t.Errorf("waited for %v", waited)
		}
	})
}

// A viewer who never connects is forgotten, one whose network is gone too, and the end
// of the stream is told to all.
func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		cfg := defaults()
		cfg.MaxViewers = 2
		s := newStudio(t, n.Listen(), cfg, video(""))
		played := s.play(0, 50*time.Second, 30, 2000)
		time.Sleep(time.Second)
		never := newPlayer(t, s, n.Client())
		if r := s.do("POST", "whep", sdpType, never.offer()); r.StatusCode != 201 {
			t.Fatal(r.Status)
		}
		lost := newPlayer(t, s, n.Client())
		lost.join("")
		<-lost.connected
		third := newPlayer(t, s, n.Client())
		r := s.do("POST", "whep", sdpType, third.offer())
		if got := code(t, r); r.StatusCode != 503 || got != "overloaded" || r.Header.Get("Retry-After") == "" {
			t.Errorf("%d %s", r.StatusCode, got)
		}
		n.Impair(func([]byte) (bool, time.Duration) { return false, 0 }, nil)
		time.Sleep(40 * time.Second)
		n.Impair(nil, nil)
		if st := s.status(); st.Counts[endedUnconnected] != 1 || st.Counts[endedVanished] != 1 || st.Counts[refusedFull] != 1 {
			t.Errorf("%+v", st)
		}
		last := newPlayer(t, s, n.Client())
		last.join("")
		<-last.connected
		<-played
		close(s.more)
		<-s.ended
		<-last.lost
	})
}

// However many viewers ask, the source is asked for a key picture twice a second at
// most.
func TestKeyframeRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := newStudio(t, n.Listen(), defaults(), video(""))
		s.play(0, 30*time.Second, 10_000, 2000)
		time.Sleep(time.Second)
		var players []*player
		for range 5 {
			p := newPlayer(t, s, n.Client())
			p.join("")
			<-p.connected
			players = append(players, p)
		}
		time.Sleep(time.Second)
		for len(s.asked) > 0 {
			<-s.asked
		}
		for range 50 {
			for _, p := range players {
				p.pli()
			}
			time.Sleep(100 * time.Millisecond)
		}
		requests := 0
		for len(s.asked) > 0 {
			if f, ok := (<-s.asked).(media.KeyframeRequest); ok && f.Track == "video" {
				requests++
			}
		}
		if requests < 9 || requests > 11 {
			t.Errorf("%d requests in 5 s", requests)
		}
	})
}

// Viewers are spread over shards, and nobody is let in for a while after one of them
// was late.
func TestShards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := newStudio(t, n.Listen(), defaults(), video(""))
		s.play(0, 20*time.Second, 30, 2000)
		time.Sleep(time.Second)
		h, _ := s.made.find("live/studio")
		h.perShard = 1
		var players []*player
		for range 4 {
			p := newPlayer(t, s, n.Client())
			p.join("")
			<-p.connected
			players = append(players, p)
		}
		time.Sleep(2 * time.Second)
		want := min(4, runtime.GOMAXPROCS(0), maxShards)
		if st := s.status(); st.Shards != want || st.Sessions["watching"] != 4 {
			t.Errorf("%+v", st)
		}
		for _, p := range players {
			if pics := p.pictures(); len(pics) < 60 {
				t.Errorf("%d pictures", len(pics))
			}
		}
		h.late(time.Now())
		offer := newPlayer(t, s, n.Client()).offer()
		r := s.do("POST", "whep", sdpType, offer)
		if got := code(t, r); r.StatusCode != 503 || got != "overloaded" || r.Header.Get("Retry-After") != "5" {
			t.Errorf("%d %s", r.StatusCode, got)
		}
		time.Sleep(overloadFor)
		if r := s.do("POST", "whep", sdpType, offer); r.StatusCode != 201 {
			t.Error(r.Status)
		}
	})
}
