package whip

import (
	"flag"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/service/rtc/rtctest"
)

var update = flag.Bool("update", false, "rewrite the expected texts")

// obs does what OBS Studio's WHIP output does with a server (plugins/obs-webrtc,
// whip-output.cpp as of f86e9c1d5), as far as a server can see it.
type obs struct {
	studio   *studio
	offer    string
	session  string // the URL for DELETE
	iceLinks []iceLink
}

// iceLink is an ICE server as OBS reads it.
type iceLink struct{ url, username, credential string }

// connect is OBS's "Connect": one POST, with the answer in at most 8 s.
func (o *obs) connect(t *testing.T) (answer string) {
	t.Helper()
	began := time.Now() // curl's timeout is 8 s
	r := o.studio.do("POST", "whip", o.offer, "Content-Type: application/sdp", "Authorization: Bearer "+key, "User-Agent: Mozilla/5.0 (OBS-Studio/32.1; Linux x86_64; en-US)")
	if time.Since(began) >= 8*time.Second {
		t.Fatal("OBS has given up")
	}
	answer = text(r)
	// Anything but 201, also 200, is a failure; so is an empty body.
	if r.StatusCode != http.StatusCreated || answer == "" {
		t.Fatalf("%s\n%s", r.Status, answer)
	}
	// What stands before "v=0" is dropped.
	if !strings.HasPrefix(answer, "v=0\r\n") {
		t.Errorf("the answer begins with %.20q", answer)
	}
	// One Location per hop; relative is fine; the query does not survive.
	locations := r.Header.Values("Location")
	if len(locations) != 1 {
		t.Fatalf("%d Locations", len(locations))
	}
	base, err := url.Parse("http://weir.example/live/studio/whip?unrelated=1")
	if err != nil {
		t.Fatal(err)
	}
	at, err := base.Parse(locations[0])
	if err != nil {
		t.Fatal(err)
	}
	at.RawQuery = ""
	o.session = at.String()
	o.iceLinks = nil
	for _, link := range r.Header.Values("Link") {
		o.readLink(t, link)
	}
	// Each layer that was offered must be accepted.
	for line := range strings.SplitSeq(o.offer, "\r\n") {
		if rid, ok := strings.CutPrefix(line, "a=rid:"); ok {
			rid, _, _ = strings.Cut(rid, " ")
			if !strings.Contains(answer, "a=rid:"+rid+" recv") {
				t.Errorf("layer %s is not accepted", rid)
			}
		}
	}
	return answer
}

// readLink cuts a header at every comma and semicolon, also where they are quoted.
func (o *obs) readLink(t *testing.T, header string) {
	t.Helper()
	for link := range strings.SplitSeq(header, ",") {
		parts := strings.Split(link, ";")
		got := iceLink{url: strings.Trim(strings.TrimSpace(parts[0]), "<>")}
		server := false
		for _, part := range parts[1:] {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
				t.Errorf("OBS reads %q as a parameter of %q", part, header)
				continue
			}
			switch value = value[1 : len(value)-1]; name {
			case "rel":
				server = value == "ice-server"
			case "username":
				got.username = value
			case "credential":
				got.credential = value
			}
		}
		if server {
			o.iceLinks = append(o.iceLinks, got)
		}
	}
}

// stop is OBS's "SendDelete".
func (o *obs) stop(t *testing.T) {
	t.Helper()
	began := time.Now()
	leaf, ok := strings.CutPrefix(o.session, "http://weir.example/live/studio/")
	if !ok {
		t.Fatalf("the session is at %s", o.session)
	}
	r := o.studio.do("DELETE", leaf, "", "Authorization: Bearer "+key)
	if r.StatusCode != http.StatusOK {
		t.Errorf("OBS logs a warning: DELETE was answered with %s", r.Status)
	}
	if time.Since(began) >= 8*time.Second {
		t.Error("OBS has not waited for the answer to DELETE")
	}
}

// The answers to OBS's offers, but for what is random in them. Its offers of H.265 and
// AV1 say nothing of the profile.
func TestOBSAnswers(t *testing.T) {
	random := regexp.MustCompile(`(?m)^(o=- )\d+ \d+|(a=fingerprint:sha-256 )\S+|(a=ice-ufrag:)\S+|(a=ice-pwd:)\S+`)
	profile := regexp.MustCompile(`a=fmtp:96 .*\r\n`)
	for _, c := range []struct{ name, offer, codec string }{
		{"obs", "obs", "H264"},
		{"obs-simulcast", "obs-simulcast", "H264"},
		{"obs-hevc", "obs", "H265"},
		{"obs-av1", "obs", "AV1"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStudio(t, pipeline.Published, open())
			file, err := os.ReadFile(filepath.Join("testdata", c.offer+".sdp"))
			if err != nil {
				t.Fatal(err)
			}
			offer := string(file)
			if c.codec != "H264" {
				offer = strings.Replace(profile.ReplaceAllString(offer, ""), "H264/", c.codec+"/", 1)
			}
			o := &obs{studio: s, offer: offer}
			got := strings.ReplaceAll(o.connect(t), "\r\n", "\n")
			got = random.ReplaceAllString(got, "${1}${2}${3}${4}RANDOM")
			golden := filepath.Join("testdata", c.name+".answer")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, want)
			}
			if len(o.iceLinks) != 1 || o.iceLinks[0].url != "turn:relay.example.net:3478?transport=udp" ||
				o.iceLinks[0].username == "" || o.iceLinks[0].credential == "" {
				t.Errorf("links: %q", o.iceLinks)
			}
			o.stop(t)
		})
	}
}

// encoder is OBS's PeerConnection: it offers before it knows its addresses and never
// sends them, so that it is known by its checks alone.
func (s *studio) encoder(t *testing.T) (*rtctest.Encoder, *obs) {
	t.Helper()
	options := both()
	options.Net, options.Plain = s.network.Client(), true
	e := rtctest.NewEncoder(t, options)
	o := &obs{studio: s, offer: e.Bare(t)}
	for line := range strings.SplitSeq(o.offer, "\r\n") {
		if strings.HasPrefix(line, "a=candidate") || strings.HasSuffix(line, " rtx/90000") {
			t.Fatalf("the offer has %q", line)
		}
	}
	return e, o
}

// When the connection is lost OBS closes it, tries DELETE in vain, and publishes anew
// after 2 s, then after 1.5 times as long, up to 20 times. The stream goes on.
func TestOBSConnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Published, open())
		e, o := s.encoder(t)
		e.Accept(t, o.connect(t))
		<-e.Connected
		e.Movie(t, 2*time.Second, 3)
		nothing := func([]byte) (bool, time.Duration) { return false, 0 }
		s.network.Impair(nothing, nothing)
		time.Sleep(5 * time.Second) // until it notices
		_ = e.PC.Close()
		for pause := 2 * time.Second; pause < 4*time.Second; pause = pause * 3 / 2 { // 2 s, 3 s
			time.Sleep(pause)
		}
		s.network.Impair(nil, nil)

		e, o = s.encoder(t)
		e.Accept(t, o.connect(t)) // the server may not have noticed that the first one is gone
		<-e.Connected
		e.Movie(t, 2*time.Second, 3)
		if st := s.status(); st.State != "publishing" || st.Sessions != 2 {
			t.Errorf("%+v", st)
		}
		o.stop(t)
		<-e.Lost
		if got := s.check(); strings.Count(got, "D:video") != 1 {
			t.Error(got)
		}
	})
}

// OBS keeps its last 4000 packets and sends those that it is asked for again as they
// were, with the same number and SSRC.
func TestOBSLoses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Published, open())
		e, o := s.encoder(t)
		e.Accept(t, o.connect(t))
		<-e.Connected
		e.Movie(t, time.Second, 8)
		s.network.Impair(rtctest.Both(rtctest.Loss(0.05, 1), rtctest.Jitter(50*time.Millisecond, 2)), rtctest.Loss(0.05, 3))
		e.Continue(t, 10*time.Second, 8)
		s.network.Impair(nil, nil)
		e.Continue(t, time.Second, 8)
		time.Sleep(time.Second)
		video := 0
		for _, u := range s.sink.Units() {
			if u.Kind() == media.KindVideo {
				video++
			}
		}
		if got, sent := s.check(), 12*30*8; video != sent || strings.Contains(got, "G:video") {
			t.Errorf("%d of %d packets: %s", video, sent, got)
		}
		o.stop(t)
	})
}
