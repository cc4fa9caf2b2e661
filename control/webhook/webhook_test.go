package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/control/observe"
	"weir/pipeline"
)

const secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

// far is an endpoint: it answers as it is told, and remembers.
type far struct {
	mu     sync.Mutex
	answer func(stream string, n int) (status int, takes time.Duration, err error)
	asked  []string // stream and data
	ids    map[string][]string
	whole  []*http.Request
}

func (f *far) RoundTrip(r *http.Request) (*http.Response, error) {
	b, _ := io.ReadAll(r.Body)
	var e observe.Event
	if err := json.Unmarshal(b, &e); err != nil {
		return nil, err
	}
	f.mu.Lock()
	what := fmt.Sprintf("%s %v", e.Stream, e.Data)
	f.asked = append(f.asked, what)
	if f.ids == nil {
		f.ids = make(map[string][]string)
	}
	f.ids[what] = append(f.ids[what], r.Header.Get("Webhook-Id"))
	f.whole = append(f.whole, r)
	n := len(f.ids[what])
	f.mu.Unlock()
	status, takes, err := f.answer(e.Stream, n)
	select {
	case <-time.After(takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

func (f *far) log() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

// post is a dispatcher in a bubble.
type post struct {
	t   *testing.T
	log *observe.Log
	d   *Dispatcher
	far *far
	end func()
}

func open(t *testing.T, files string, answer func(stream string, n int) (int, time.Duration, error), es ...Endpoint) *post {
	t.Helper()
	p := &post{t: t, log: observe.NewLog(), far: &far{answer: answer}}
	var err error
	p.d, err = Open(Options{
		Events: p.log, Files: files, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Client: &http.Client{Transport: p.far, Timeout: patience}, Declared: Declare(es),
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); p.d.Run(context.Background()) }()
	p.end = sync.OnceFunc(func() { p.log.Close(); <-ended })
	t.Cleanup(p.end)
	return p
}

func (p *post) say(stream string, data any) {
	p.log.Publish(observe.Event{Type: "output.live", Stream: stream, Data: data})
}

func hooked() Endpoint {
	return Endpoint{URL: "https://example.net/hook", Secret: pipeline.NewSecret(secret)}
}

func fine(string, int) (int, time.Duration, error) { return 204, 0, nil }

func TestDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := hooked()
		e.Events, e.Streams = []string{"output.*"}, []string{"live/*"}
		p := open(t, "", fine, e)
		p.say("live/a", 1)
		p.say("show/a", 2)
		p.log.Publish(observe.Event{Type: "stream.started", Stream: "live/a", Data: 3})
		p.log.Publish(observe.Event{Type: "output.live", Data: 4})
		p.say("live/a", 5)
		synctest.Wait()
		if got := p.far.log(); !slices.Equal(got, []string{"live/a 1", "live/a 5"}) {
			t.Error(got)
		}
		s := p.d.Statuses()[0]
		if s.Waiting != 0 || len(s.Deliveries) != 2 || s.Deliveries[0].State != delivered || s.Deliveries[0].Status != 204 || s.State != "ok" {
			t.Errorf("%+v", s)
		}
		r := p.far.whole[0]
		if r.Header.Get("Webhook-Timestamp") != fmt.Sprint(time.Now().Unix()) || r.Header.Get("Content-Type") != "application/json" {
			t.Error(r.Header)
		}
		if note, err := p.d.Test(t.Context(), s.Endpoint.ID); err != nil || note.Status != 204 || note.State != tested {
			t.Error(note, err)
		}
	})
}

// While one event is not taken, those behind it wait, and other streams pass; it is sent
// again under the same ID.
func TestOrderWithinAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, "", func(stream string, n int) (int, time.Duration, error) {
			if stream == "live/a" && n <= 5 {
				return 500, 5 * time.Second, nil // flapping, and slow
			}
			return 200, 5 * time.Second, nil
		}, hooked())
		for n := range 3 {
			p.say("live/a", n)
			p.say("live/b", n)
		}
		time.Sleep(16 * time.Second)
		synctest.Wait()
		if got := strings.Join(p.far.log(), ","); !strings.Contains(got, "live/b 2") || strings.Contains(got, "live/a 1") {
			t.Error(got)
		}
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		var a []string
		for _, what := range p.far.log() {
			if strings.HasPrefix(what, "live/a") {
				a = append(a, what)
			}
		}
		if len(a) != 18 || !slices.IsSorted(a) {
			t.Error(a)
		}
		seen := make(map[string]bool)
		for what, ids := range p.far.ids {
			if len(slices.Compact(slices.Clone(ids))) != 1 || seen[ids[0]] {
				t.Errorf("%s: %v", what, ids)
			}
			seen[ids[0]] = true
		}
		if s := p.d.Statuses()[0]; s.Waiting != 0 || s.State != "ok" {
			t.Errorf("%+v", s)
		}
	})
}

func TestADayIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, "", func(string, int) (int, time.Duration, error) { return 0, 0, errors.New("connection refused") }, hooked())
		began := time.Now()
		p.say("live/a", 1)
		time.Sleep(time.Hour)
		p.say("live/a", 2)
		time.Sleep(22 * time.Hour)
		s := p.d.Statuses()[0]
		if s.Waiting != 2 || s.State != "failing" || !s.Oldest.Equal(began) || s.Deliveries[0].Error != "connection refused" || s.Deliveries[0].Next == nil {
			t.Errorf("%+v", s)
		}
		if tries := len(p.far.log()); tries < 100 || tries > 250 {
			t.Errorf("%d attempts", tries)
		}
		time.Sleep(2 * time.Hour) // those of the second begin when the first is given up
		if s := p.d.Statuses()[0]; s.Waiting != 1 && s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
		time.Sleep(2 * time.Hour)
		if s := p.d.Statuses()[0]; s.Waiting != 0 || s.Deliveries[0].State != gaveUp {
			t.Errorf("%+v", s)
		}
	})
}

// Nobody waits for an endpoint that hangs or a log that is full.
func TestPublishingNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, "", func(string, int) (int, time.Duration, error) { return 200, time.Hour, nil }, hooked())
		began := time.Now()
		for n := range 3 * maxWaiting {
			p.say(fmt.Sprintf("live/%d", n%50), n)
			if n%1000 == 0 {
				synctest.Wait()
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("publishing took %v", took)
		}
		synctest.Wait()
		s := p.d.Statuses()[0]
		if s.Waiting != maxWaiting || s.Dropped != 2*maxWaiting {
			t.Errorf("%d wait, %d were dropped", s.Waiting, s.Dropped)
		}
		p.d.mu.Lock()
		if busy := p.d.hooks[0].queue.busy; busy != parallel {
			t.Errorf("%d requests at once", busy)
		}
		p.d.mu.Unlock()
	})
}

func TestGoneEndpointsAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, "", func(string, int) (int, time.Duration, error) { return 410, 0, nil }, hooked())
		p.say("live/a", 1)
		p.say("live/a", 2)
		time.Sleep(time.Hour)
		p.say("live/a", 3)
		synctest.Wait()
		if s := p.d.Statuses()[0]; len(p.far.log()) != 1 || s.State != "disabled" || s.Waiting != 0 || !strings.Contains(s.Why, "410") {
			t.Errorf("%v %+v", p.far.log(), s)
		}
	})
}

// What was not delivered is delivered by the next process, in order, under the same IDs;
// what was is not.
func TestARestartLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := filepath.Join(t.TempDir(), "weir")
		p := open(t, files, func(stream string, _ int) (int, time.Duration, error) {
			if stream == "live/a" {
				return 503, 0, nil
			}
			return 200, 0, nil
		}, hooked())
		made, err := p.d.Add(Endpoint{URL: "https://example.org/?token=cnry", Secret: NewSecret(), Events: []string{"none"}})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			p.say("live/a", n)
			p.say("live/b", n)
		}
		synctest.Wait()
		p.end()
		first := p.far.ids
		again := open(t, files, fine, hooked())
		synctest.Wait()
		if got := again.far.log(); !slices.Equal(got, []string{"live/a 0", "live/a 1", "live/a 2"}) {
			t.Error(got)
		}
		if a, b := first["live/a 0"][0], again.far.ids["live/a 0"][0]; a != b {
			t.Errorf("the ID was %s and is %s", a, b)
		}
		if s := again.d.Statuses(); len(s) != 2 || s[1].Endpoint.ID != made.ID || s[1].Endpoint.Secret != made.Secret || s[1].Endpoint.shown() != "https://example.org/?token=***" {
			t.Errorf("%+v", s)
		}
		again.end()
		if third := open(t, files, fine, hooked()); len(third.far.log()) != 0 {
			t.Error(third.far.log())
		}
	})
}

func TestTheJournalIsTidied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, filepath.Join(t.TempDir(), "weir"), func(stream string, _ int) (int, time.Duration, error) {
			if stream == "live/a" {
				return 500, 0, nil
			}
			return 200, 0, nil
		}, hooked())
		p.say("live/a", "kept")
		for n := range 1200 {
			p.say("live/b", n)
			if n%50 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		p.d.disk.Lock()
		defer p.d.disk.Unlock()
		if p.d.journal.lines > 1500 {
			t.Errorf("%d lines", p.d.journal.lines)
		}
		if left := p.d.owed(); len(left) != 1 {
			t.Errorf("%d are owed", len(left))
		}
	})
}

func TestEndpoints(t *testing.T) {
	for _, c := range []struct {
		change func(*Endpoint)
		ok     bool
	}{
		{func(*Endpoint) {}, true},
		{func(e *Endpoint) { e.URL = "http://10.0.0.1:8000/x?y=z" }, true}, // what may be reached is the dialer's matter
		{func(e *Endpoint) { e.URL = "ftp://example.net" }, false},
		{func(e *Endpoint) { e.URL = "https:///x" }, false},
		{func(e *Endpoint) { e.URL = "https://a/" + strings.Repeat("x", maxURL) }, false},
		{func(e *Endpoint) { e.Events = []string{"["} }, false},
		{func(e *Endpoint) { e.Streams = make([]string, 65) }, false},
		{func(e *Endpoint) { e.Secret = pipeline.NewSecret("whsec_c2hvcnQ=") }, false},
		{func(e *Endpoint) { e.Secret = pipeline.NewSecret("C2FVsBQIhrscChlQIMV+b5sSYspob7oD") }, false},
	} {
		e := hooked()
		c.change(&e)
		if err := e.check(); (err == nil) != c.ok {
			t.Errorf("%+v: %v", e, err)
		}
	}
	two := Declare([]Endpoint{hooked(), hooked()})
	if two[0].ID == two[1].ID || two[0].ID != Declare([]Endpoint{hooked()})[0].ID {
		t.Error(two)
	}
}
