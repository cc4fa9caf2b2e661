package whip

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/media"
	"weir/pipeline/service/httpd"
	"weir/pipeline/service/rtc"
	"weir/pipeline/service/rtc/rtctest"
	"weir/pipeline/stagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "correct horse battery staple"

// studio is a running pipeline at live/studio with a collecting sink, on a network
// that is not real.
type studio struct {
	t        *testing.T
	network  *rtctest.Network
	peers    *rtc.Server
	mount    httpd.Mount
	sessions *sessions
	policy   *swap
	graph    *pipeline.Graph
	sink     *stagetest.Collector
	ended    chan struct{}
	log      *bytes.Buffer // complete once ended is closed
}

// swap is a policy that a test may put another one in the place of.
type swap struct{ access.Policy }

// Mount implements Site.
func (s *studio) Mount(m httpd.Mount) (unmount func()) {
	s.mount = m
	return func() {}
}

func newStudio(t *testing.T, when pipeline.When, c Config) *studio {
	t.Helper()
	s := &studio{
		t: t, network: rtctest.NewNetwork(t), sink: &stagetest.Collector{}, ended: make(chan struct{}), log: &bytes.Buffer{},
		policy: &swap{access.Keys{}},
	}
	s.serve()
	f := Factory(s, s.peers, s.policy)
	if made, ok := f.(*factory); ok {
		s.sessions = made.sessions
	}
	reg, err := pipeline.NewRegistry(f, s.sink.Factory())
	if err != nil {
		t.Fatal(err)
	}
	pattern, err := pipeline.ParsePattern("live/{name}")
	if err != nil {
		t.Fatal(err)
	}
	plan, problems := pipeline.NewPlan(&pipeline.Definition{Pattern: pattern, When: when, Stages: []pipeline.StageDef{
		{Name: "cam", Use: "ingest/whip", Config: &c, Restart: pipeline.RestartNever},
		{Name: "sink", Use: "test/sink", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: "cam"}}},
	}}, reg)
	if plan == nil {
		t.Fatal(problems)
	}
	announcer, ok := f.(pipeline.Announcer)
	if !ok {
		t.Fatal("the factory announces nothing")
	}
	withdraw, err := announcer.Announce(pipeline.Announcement{
		Pattern: pattern, When: when, Config: &c, Wake: func(string) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(withdraw)
	s.graph = pipeline.NewGraph(plan, pipeline.Options{
		Path: "live/studio", Log: slog.New(slog.NewTextHandler(io.MultiWriter(s.log, t.Output()), nil)),
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(s.ended)
		s.graph.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-s.ended })
	return s
}

// serve runs the WebRTC server until the test ends.
func (s *studio) serve() {
	s.t.Helper()
	var err error
	s.peers, err = rtc.New(rtc.Config{
		UDP: s.network.Listen(), STUN: nil,
		TURN: rtc.TURN{URLs: []string{"turn:relay.example.net:3478?transport=udp"}, Secret: pipeline.NewSecret("shared")},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	served := make(chan error, 1)
	go func() { served <- s.peers.Serve(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			s.t.Error(err)
		}
	})
}

func open() Config {
	c := defaults()
	c.Key = pipeline.NewSecret(key)
	return c
}

// do makes a request. Headers are "Name: value".
func (s *studio) do(method, leaf, body string, headers ...string) *http.Response {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, "/live/studio/"+leaf, strings.NewReader(body))
	r.RemoteAddr = "10.0.1.2:5000"
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	leaf, _, _ = strings.Cut(leaf, "?")
	s.mount.Serve(w, r, "live/studio", leaf)
	return w.Result()
}

// text is a response's body.
func text(r *http.Response) string {
	b, _ := io.ReadAll(r.Body)
	return string(b)
}

// post publishes an offer.
func (s *studio) post(offer string) *http.Response {
	s.t.Helper()
	return s.do("POST", "whip", offer, "Content-Type: application/sdp", "Authorization: Bearer "+key, "User-Agent: Test/1\x1b[2J")
}

// publisher is an encoder with its session.
type publisher struct {
	*rtctest.Encoder
	session string // the leaf
	etag    string
}

// publish brings an encoder in.
func (s *studio) publish(o rtctest.Options) *publisher {
	s.t.Helper()
	o.Net = s.network.Client()
	e := rtctest.NewEncoder(s.t, o)
	r := s.post(e.Offer(s.t))
	body := text(r)
	if r.StatusCode != http.StatusCreated {
		s.t.Fatalf("%s: %s", r.Status, body)
	}
	e.Accept(s.t, body)
	return &publisher{e, strings.TrimPrefix(r.Header.Get("Location"), "/live/studio/"), r.Header.Get("ETag")}
}

func both() rtctest.Options { return rtctest.Options{VideoMIME: "video/H264", AudioMIME: "audio/opus"} }

// status is what the stage shows.
func (s *studio) status() Status {
	for _, st := range s.graph.Snapshot().Stages {
		if got, ok := st.Detail.(Status); ok {
			return got
		}
	}
	return Status{}
}

// check asserts what every stream must keep, and describes it: sets of tracks and
// numbers of units between them, with D and G for discontinuities and gaps.
func (s *studio) check() string {
	s.t.Helper()
	var b strings.Builder
	last := map[string]*media.Unit{}
	counts := map[string]int{}
	var inForce *media.TrackSet
	flush := func() {
		for _, id := range []string{"video/0", "video/1", "video/2", "audio/0"} {
			if counts[id] > 0 {
				fmt.Fprintf(&b, " %d %s", counts[id], strings.TrimSuffix(id, "/0"))
			}
		}
		clear(counts)
	}
	for _, item := range s.sink.Items() {
		switch it := item.(type) {
		case *media.TrackSet:
			flush()
			inForce = it
			fmt.Fprint(&b, " [")
			for i, t := range it.Tracks {
				fmt.Fprint(&b, strings.Repeat(" ", min(i, 1)), t.Codec)
			}
			fmt.Fprint(&b, "]")
		case *media.Unit:
			id := fmt.Sprintf("%s/%d", it.Track.ID, it.Layer)
			if inForce.Track(it.Track.ID) != it.Track {
				s.t.Errorf("a unit of track %s that is not in force", id)
			}
			s.follows(id, last[id], it)
			last[id] = it
			for flag, name := range map[media.Flags]string{media.Discontinuity: "D", media.Gap: "G"} {
				if it.Flags.Has(flag) {
					flush()
					fmt.Fprintf(&b, " %s:%s", name, strings.TrimSuffix(id, "/0"))
				}
			}
			counts[id]++
		}
	}
	flush()
	return strings.TrimSpace(b.String())
}

// follows asserts that a packet can follow another.
func (s *studio) follows(id string, prev, next *media.Unit) {
	s.t.Helper()
	if prev == nil {
		return
	}
	same := prev.RTP.Timestamp == next.RTP.Timestamp
	if next.PTS != next.DTS || next.DTS < prev.DTS || (next.DTS == prev.DTS) != same {
		s.t.Errorf("%s: DTS %d after %d, PTS %d, RTP time %d after %d", id, next.DTS, prev.DTS, next.PTS, next.RTP.Timestamp, prev.RTP.Timestamp)
	}
	if step := next.RTP.Sequence - prev.RTP.Sequence; (step != 1) != next.Flags.Has(media.Gap) && !next.Flags.Has(media.Discontinuity) {
		s.t.Errorf("%s: a step of %d, flags %s", id, step, next.Flags)
	}
}

// skew is how much later than sound the picture stands, by arrival, at the end.
func (s *studio) skew() time.Duration {
	epoch := s.graph.Snapshot().Epoch
	var off [media.KindAudio + 1]time.Duration
	for _, u := range s.sink.Units() {
		off[u.Kind()] = u.Time() - u.Arrived.Sub(epoch)
	}
	return off[media.KindVideo] - off[media.KindAudio]
}
