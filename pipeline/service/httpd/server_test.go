package httpd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := New(Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
		s.Handle("/early", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			panic("early bird")
		}))
		s.Handle("/late", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, strings.Repeat("half ", 4000))
			panic(errors.New("late bird"))
		}))
		s.Handle("/abort", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
		n, stop := serve(t, s)
		viewer := n.client(t, "203.0.113.9")

		code, body := get(t, viewer, "http://weir/early")
		want := `{"type":"about:blank","title":"Internal error","status":500,"detail":"The server failed to answer. The log says why.","code":"internal"}` + "\n"
		if code != 500 || body != want {
			t.Errorf("early: %d %s", code, body)
		}
		res, err := viewer.Get("http://weir/late")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(res.Body); err == nil {
			t.Error("late: half a response passed for a whole one")
		}
		res.Body.Close()
		if _, err := viewer.Get("http://weir/abort"); err == nil { //nolint:bodyclose // there is none
			t.Error("abort: answered")
		}
		viewer.CloseIdleConnections()
		stop()
		if got := s.Stats(); got.Panics != 2 || got.InFlight != 0 || got.Requests != 3 {
			t.Errorf("%+v", got)
		}
		for _, want := range []string{"early bird", "late bird", "server_test.go", "path=/early"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log lacks %q", want)
			}
		}
	})
}

// A request in flight at the end is finished, if it is done within Drain.
func TestDrain(t *testing.T) {
	for _, c := range []struct {
		needs time.Duration
		whole bool
	}{{3 * time.Second, true}, {time.Hour, false}} {
		synctest.Test(t, func(t *testing.T) {
			s := New(Config{})
			s.Handle("/wait", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-time.After(c.needs):
					fmt.Fprint(w, "done")
				case <-r.Context().Done():
				}
			}))
			n, stop := serve(t, s)
			viewer := n.client(t, "203.0.113.9")
			answered := make(chan error)
			go func() {
				res, err := viewer.Get("http://weir/wait")
				if err == nil {
					res.Body.Close()
				}
				answered <- err
			}()
			synctest.Wait()
			from := time.Now()
			go func() {
				err := <-answered
				if (err == nil) != c.whole {
					t.Errorf("a request of %v: %v", c.needs, err)
				}
			}()
			stop()
			if took := time.Since(from); took > 6*time.Second {
				t.Errorf("the server ended after %v", took)
			}
			synctest.Wait()
		})
	}
}

func TestProblemHeaders(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("Cache-Control", "max-age=1")
	w.Header().Set("Content-Encoding", "gzip")
	Problem(w, 404, "stream_offline", "Offline", "")
	h := w.Header()
	if h.Get("Content-Type") != "application/problem+json" || h.Get("Cache-Control") != "max-age=1" || h.Get("Content-Encoding") != "" {
		t.Errorf("headers %v", h)
	}
	if got, want := w.Body.String(), `{"type":"about:blank","title":"Offline","status":404,"code":"stream_offline"}`+"\n"; got != want {
		t.Errorf("got %s", got)
	}
}
