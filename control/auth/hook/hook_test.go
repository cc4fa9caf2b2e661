package hook

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func question() Question {
	return Question{
		Action: "play", Path: "live/deep/studio", Protocol: "whep", Remote: "192.0.2.7", Agent: "OBS", Session: "s1",
		User: "ann", Password: "pass word", Token: "tok", Query: "a=b&call=publish",
	}
}

func ask(t *testing.T, c Config, serve http.HandlerFunc) (Answer, error) {
	t.Helper()
	server := httptest.NewServer(serve)
	defer server.Close()
	c.URL, c.Dial = server.URL+"/auth", new(net.Dialer).DialContext
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	h := New(c)
	defer h.Close()
	return h.Ask(t.Context(), question())
}

func TestForms(t *testing.T) {
	for form, want := range map[string]map[string]string{
		Weir: {
			"action": "play", "path": "live/deep/studio", "protocol": "whep", "remote": "192.0.2.7", "agent": "OBS", "session": "s1",
			"user": "ann", "password": "pass word", "token": "tok", "query": "a=b&call=publish",
		},
		MediaMTX: {
			"action": "read", "path": "live/deep/studio", "protocol": "webrtc", "ip": "192.0.2.7", "userAgent": "OBS", "id": "s1",
			"user": "ann", "password": "pass word", "token": "tok", "query": "a=b&call=publish",
		},
		NginxRTMP: {
			"call": "play", "app": "live/deep", "name": "studio", "addr": "192.0.2.7", "flashver": "OBS", "clientid": "s1",
			"a": "b", "key": "tok", "swfurl": "", "tcurl": "", "pageurl": "",
		},
	} {
		got := make(map[string]string)
		answer, err := ask(t, Config{Form: form}, func(_ http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			if form != NginxRTMP {
				_ = json.Unmarshal(text, &got)
				return
			}
			values, _ := url.ParseQuery(string(text))
			for k, v := range values {
				if got[k] = v[0]; len(v) != 1 {
					t.Errorf("%s: %s stands %d times", form, k, len(v))
				}
			}
		})
		if err != nil || !answer.Allow || !maps.Equal(got, want) {
			t.Errorf("%s: %+v, %v, asked %v", form, answer, err, got)
		}
	}
}

func TestAnswers(t *testing.T) {
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		form   string
		status int
		body   string
		want   Answer
		fails  bool
	}{
		"yes":            {Weir, 200, ``, Answer{Allow: true}, false},
		"who":            {Weir, 200, `{"subject":"ann","expires_at":"2030-01-01T00:00:00Z"}`, Answer{true, "ann", at}, false},
		"nonsense":       {Weir, 200, `yes`, Answer{}, true},
		"others' bodies": {MediaMTX, 200, `yes`, Answer{Allow: true}, false},
		"no":             {Weir, 403, ``, Answer{}, false},
		"who are you":    {MediaMTX, 401, ``, Answer{}, false},
		"another name":   {NginxRTMP, 302, ``, Answer{}, false},
		"broken":         {Weir, 500, ``, Answer{}, true},
		"busy":           {Weir, 429, ``, Answer{}, true},
	} {
		got, err := ask(t, Config{Form: c.form}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Location", "/other")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestSilenceIsNoAnswer(t *testing.T) {
	_, err := ask(t, Config{Timeout: 50 * time.Millisecond}, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the end of the connection is not noticed
		<-r.Context().Done()
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// Many who ask the same at once are one question, and so are those soon after; whoever
// shows something else is another.
func TestSameQuestionsAreAskedOnce(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	h := New(Config{URL: server.URL, Timeout: time.Minute, Cache: time.Hour, Dial: new(net.Dialer).DialContext})
	defer h.Close()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if a, err := h.Ask(t.Context(), question()); !a.Allow || err != nil {
				t.Error(a, err)
			}
		})
	}
	group.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	other := question()
	other.Token = "another"
	if _, err := h.Ask(t.Context(), other); err != nil || asked.Load() != 2 {
		t.Error(asked.Load(), err)
	}
}
