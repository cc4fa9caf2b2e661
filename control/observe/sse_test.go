package observe

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/control/rest"
	"weir/control/rest/resttest"
	"weir/pipeline"
	"weir/pipeline/service/httpd"
)

type fixed rest.Caller

func (f *fixed) Identify(*http.Request) (*rest.Caller, error) { return (*rest.Caller)(f), nil }

func everybody() *rest.Caller {
	return &rest.Caller{Name: "x", Scope: rest.Admin, Remote: netip.Addr{}}
}

// page is a response that is being written.
type page struct {
	header http.Header
	mu     sync.Mutex
	text   strings.Builder
}

func (p *page) Header() http.Header { return p.header }
func (p *page) WriteHeader(int)     {}
func (p *page) Flush()              {}
func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

// take is what was written since the last call.
func (p *page) take() string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.text.Reset()
	return p.text.String()
}

// open listens until the test ends.
func (s *studio) open(topics string, caller *rest.Caller, after string) *page {
	s.t.Helper()
	t, err := parseTopics(topics, caller)
	if err != nil {
		s.t.Fatal(err)
	}
	p := &page{header: make(http.Header)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	f := s.o.listen(t, after)
	go func() { defer close(ended); f.serve(ctx, p) }()
	s.t.Cleanup(func() { cancel(); <-ended })
	return p
}

// messages are the data of all messages of a kind.
func messages(text, kind string) (all []string) {
	for block := range strings.SplitSeq(text, "\n\n") {
		if _, data, ok := strings.Cut(block, "event: "+kind+"\ndata: "); ok {
			all = append(all, data)
		}
	}
	return all
}

func TestFeedOfEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		log := s.o.Log()
		log.Publish(Event{Type: "stream.started", Stream: "live/a"})
		first := log.Latest()[0]
		all, some := s.open("", everybody(), ""), s.open("output.*,stream.*", &rest.Caller{Streams: []string{"live/a"}}, first.ID)
		gone := s.open("", everybody(), "0AAA")
		for _, e := range []Event{
			{Type: "output.live", Stream: "live/a", Stage: "push", Data: map[string]string{"k": "</script>\n"}},
			{Type: "output.live", Stream: "live/b"},
			{Type: "recording.started", Stream: "live/a"},
			{Type: "config.applied", Data: func() {}},
		} {
			log.Publish(e)
		}
		got := all.take()
		for kind, n := range map[string]int{"stream.started": 0, "output.live": 2, "recording.started": 1, "config.applied": 1, "lost": 0} {
			if found := messages(got, kind); len(found) != n {
				t.Errorf("%d of %s in\n%s", len(found), kind, got)
			}
		}
		var e Event
		if err := json.Unmarshal([]byte(messages(got, "output.live")[0]), &e); err != nil || e.Stage != "push" || !strings.Contains(got, "id: "+e.ID+"\n") {
			t.Error(err, e)
		}
		if got := some.take(); len(messages(got, "output.live")) != 1 || len(messages(got, "recording.started"))+len(messages(got, "config.applied")) != 0 {
			t.Errorf("bound to streams:\n%s", got)
		}
		if got := gone.take(); len(messages(got, "lost")) != 1 || len(messages(got, "stream.started")) != 1 {
			t.Errorf("from another process:\n%s", got)
		}
		time.Sleep(beat + time.Second)
		if got := all.take(); got != ": beat\n\n" {
			t.Errorf("%q", got)
		}
		log.Close()
		synctest.Wait()
	})
}

func TestFeedOfSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		p := s.open("stats,streams,graph:live/a", everybody(), "")
		b := s.open("stats,streams", &rest.Caller{Streams: []string{"live/b"}}, "")
		s.flow(30, 30)
		text := p.take()
		for kind, want := range map[string]string{
			"stats": `"whole":true,"streams":[{"path":"live/a"`, "streams": `"pipeline":"live/{name}"`,
			"graph:live/a": `"whole":true,"path":"live/a","pattern":"live/{name}","live":true,"nodes":[{"name":"cam"`,
		} {
			if got := messages(text, kind); len(got) != 1 || !strings.Contains(got[0], want) {
				t.Errorf("%s: %q", kind, got)
			}
		}
		if got := b.take(); strings.Contains(got, "live/a") {
			t.Errorf("another's stream: %s", got)
		}
		s.flow(30, 30)
		p.take()
		s.flow(30, 30) // as before, but for the counters of the edge
		text = p.take()
		if len(messages(text, "stats"))+len(messages(text, "streams")) != 0 {
			t.Errorf("nothing has changed: %s", text)
		}
		if got := messages(text, "graph:live/a"); len(got) != 1 || !strings.Contains(got[0], `"whole":false`) || !strings.Contains(got[0], `"nodes":[]`) {
			t.Errorf("%q", got)
		}
		s.snap.Viewers = 3
		s.flow(30, 30)
		text = p.take()
		if got := messages(text, "stats"); len(got) != 1 || !strings.Contains(got[0], `"viewers":3`) || len(messages(text, "streams")) != 0 {
			t.Errorf("%s", text)
		}
		s.off = true
		time.Sleep(time.Second)
		s.o.Now()
		text = p.take()
		if got := messages(text, "stats"); len(got) != 1 || !strings.Contains(got[0], `"gone":["live/a"]`) {
			t.Errorf("%s", text)
		}
		if got := messages(text, "graph:live/a"); len(got) != 1 || !strings.Contains(got[0], `"live":false,"nodes":[]`) {
			t.Errorf("%q", got)
		}
	})
}

func TestTopics(t *testing.T) {
	bound := &rest.Caller{Streams: []string{"live/a"}}
	for list, ok := range map[string]bool{
		"": true, "stats,streams,stream.*": true, "graph:live/a": true, "graph:live/b": false, "graph:..": false,
		"[": false, ",": false, strings.Repeat("x,", 70): false, strings.Repeat("graph:live/a,", 17): false,
	} {
		if _, err := parseTopics(list, bound); (err == nil) != ok {
			t.Errorf("%.40s: %v", list, err)
		}
	}
}

func TestResources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		s.flow(30, 30)
		pattern, _ := pipeline.ParsePattern("show/{name}")
		plans := []*pipeline.Plan{{Def: &pipeline.Definition{Pattern: pattern}}}
		register := func(c *rest.Caller) *rest.API {
			api := rest.New("1", (*fixed)(c))
			Register(api, s.o, func() []*pipeline.Plan { return plans })
			return api
		}
		for range 3 {
			s.o.Log().Publish(Event{Type: "output.live", Stream: "live/a"})
		}
		s.o.Log().Publish(Event{Type: "node.draining"})
		open, bound := register(everybody()), register(&rest.Caller{Scope: rest.Read, Streams: []string{"live/a"}})
		for _, c := range []struct {
			api    *rest.API
			url    string
			status int
			want   string
		}{
			{open, "/v1/streams/live%2Fa/graph", 200, `"live":true`},
			{open, "/v1/streams/live%2Fb/graph", 404, `"stream_offline"`},
			{open, "/v1/pipelines/live%2Fa/graph", 200, `"pattern":"live/{name}"`},
			{open, "/v1/pipelines/show%2F%7Bname%7D/graph", 200, `"live":false`},
			{open, "/v1/pipelines/show%2Fb/graph", 200, `"path":"show/b"`},
			{open, "/v1/pipelines/nothing/graph", 404, `"not_found"`},
			{bound, "/v1/pipelines/show%2Fb/graph", 403, `"forbidden"`},
			{open, "/v1/events/log?limit=2", 200, `"next_cursor"`},
			{open, "/v1/events/log?types=node.*", 200, `[{"id":`},
			{bound, "/v1/events/log?types=node.*", 200, `"items":[]`},
			{bound, "/v1/events/log?stream=live/a", 200, `"output.live"`},
			{bound, "/v1/events?topics=graph:live/b", 403, `"forbidden"`},
			{bound, "/v1/events?topics=%5B", 422, `"invalid_topic"`},
		} {
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, c.url, nil)
			c.api.ServeHTTP(w, r)
			resttest.Check(t, c.api, r, w)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%s: %d %s", c.url, w.Code, w.Body)
			}
		}
	})
}

// Through the real server, over both versions of HTTP, a feed outlives what a write may
// take: between two messages there is no deadline.
func TestFeedsOutliveDeadlines(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			plain := httptest.NewUnstartedServer(nil)
			plain.StartTLS()                                                                                           // for its certificate
			cert, client := plain.TLS.Certificates, plain.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs //nolint:forcetypeassert // as documented
			plain.Close()
			s := httpd.New(httpd.Config{
				TLS: &tls.Config{Certificates: cert, MinVersion: tls.VersionTLS12}, Limits: httpd.Limits{Stall: 50 * time.Millisecond, MinRate: 1 << 30},
			})
			log := NewLog()
			api := rest.New("1", (*fixed)(everybody()))
			Register(api, New(newStudio(t).show, Ways{}, log), nil)
			s.Handle("/v1/", api)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			served := make(chan error)
			go func() { served <- s.Serve(ctx, ln) }()
			defer func() { stop(); <-served }()
			tr := &http.Transport{ForceAttemptHTTP2: proto == "HTTP/2.0", TLSClientConfig: &tls.Config{RootCAs: client, ServerName: "example.com", MinVersion: tls.VersionTLS12}}
			defer tr.CloseIdleConnections()
			res, err := (&http.Client{Transport: tr}).Get(fmt.Sprintf("https://%s/v1/events", ln.Addr()))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.Proto != proto || res.Header.Get("Content-Type") != "text/event-stream" {
				t.Fatal(res.Proto, res.Header)
			}
			in := bufio.NewReader(res.Body)
			if _, err := in.ReadString('\n'); err != nil { // retry
				t.Fatal(err)
			}
			<-time.After(150 * time.Millisecond) // longer than a write may take
			log.Publish(Event{Type: "late"})
			log.Close()
			rest, err := io.ReadAll(in)
			if err != nil || len(messages("\n\n"+string(rest), "late")) != 1 {
				t.Errorf("%v: %s", err, rest)
			}
		})
	}
}
