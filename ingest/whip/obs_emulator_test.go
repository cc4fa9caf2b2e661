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
	"weir/pipeline/service/rtc/rtctest"
)

var update = flag.Bool("update", false, "rewrite the expected texts")

// obs does what OBS Studio's WHIP output does with a server (plugins/obs-webrtc,
// whip-output.cpp as of f86e9c1d5), as far as a server can see it.
type obs struct {
	studio   *studio
	offer    string
	session  string // the URL for DELETE
	iceLinks []string
}

// connect is OBS's "Connect": one POST, with the answer in at most 8 s.
func (o *obs) connect(t *testing.T) (answer string) {
	t.Helper()
	began := time.Now()
	r := o.studio.do("POST", "whip", o.offer, "Content-Type: application/sdp", "Authorization: Bearer "+key, "User-Agent: Mozilla/5.0 (OBS-Studio/32.1; Linux x86_64; en-US)")
	if time.Since(began) >= 8*time.Second {
		t.Fatal("OBS has given up")
	}
	answer = text(r)
	// Anything but 201, also 200, is a failure; so is an empty body.
	if r.StatusCode != http.StatusCreated || answer == "" {
		t.Fatalf("%s\n%s", r.Status, answer)
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
	// Link headers are cut at every comma and semicolon.
	for _, link := range r.Header.Values("Link") {
		for part := range strings.SplitSeq(link, ",") {
			target, rest, _ := strings.Cut(part, ";")
			if strings.Contains(rest, `rel="ice-server"`) {
				o.iceLinks = append(o.iceLinks, strings.Trim(strings.TrimSpace(target), "<>"))
			}
		}
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

// stop is OBS's "SendDelete".
func (o *obs) stop(t *testing.T) {
	t.Helper()
	leaf, ok := strings.CutPrefix(o.session, "http://weir.example/live/studio/")
	if !ok {
		t.Fatalf("the session is at %s", o.session)
	}
	r := o.studio.do("DELETE", leaf, "", "Authorization: Bearer "+key)
	if r.StatusCode != http.StatusOK {
		t.Errorf("OBS logs a warning: DELETE was answered with %s", r.Status)
	}
}

// The answers to OBS's offers, but for what is random in them.
func TestOBSAnswers(t *testing.T) {
	random := regexp.MustCompile(`(?m)^(o=- )\d+ \d+|(a=fingerprint:sha-256 )\S+|(a=ice-ufrag:)\S+|(a=ice-pwd:)\S+`)
	for _, name := range []string{"obs", "obs-simulcast"} {
		synctest.Test(t, func(t *testing.T) {
			s := newStudio(t, pipeline.Published, open())
			offer, err := os.ReadFile(filepath.Join("testdata", name+".sdp"))
			if err != nil {
				t.Fatal(err)
			}
			o := &obs{studio: s, offer: string(offer)}
			got := strings.ReplaceAll(o.connect(t), "\r\n", "\n")
			got = random.ReplaceAllString(got, "${1}${2}${3}${4}RANDOM")
			golden := filepath.Join("testdata", name+".answer")
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
				t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
			}
			if len(o.iceLinks) != 1 || o.iceLinks[0] != "turn:relay.example.net:3478?transport=udp" {
				t.Errorf("links: %q", o.iceLinks)
			}
			o.stop(t)
		})
	}
}

// OBS offers before it knows its addresses and never sends them: it is known by its
// checks alone. When the connection is lost it publishes anew.
func TestOBSConnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, pipeline.Published, open())
		for round := range 2 {
			options := both()
			options.Net = s.network.Client()
			e := rtctest.NewEncoder(t, options)
			o := &obs{studio: s, offer: e.Bare(t)}
			if strings.Contains(o.offer, "a=candidate") {
				t.Fatal("the offer has candidates")
			}
			e.Accept(t, o.connect(t))
			<-e.Connected
			e.Movie(t, 2*time.Second, 3)
			if st := s.status(); st.State != "publishing" || st.Sessions != round+1 {
				t.Errorf("%+v", st)
			}
			if round == 0 {
				_ = e.PC.Close() // no DELETE
				time.Sleep(2 * time.Second)
				continue
			}
			o.stop(t)
			<-e.Lost
		}
		if got := s.check(); strings.Count(got, "D:video") != 1 {
			t.Error(got)
		}
	})
}
