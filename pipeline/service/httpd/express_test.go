package httpd

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// lean is a server with a mount that is Lean, whose answer to "seg7" is body, and to
// other leaves what f does.
func lean(t *testing.T, f http.HandlerFunc) *Server {
	t.Helper()
	s := New(Config{})
	s.Handle("/livez", fixed("alive"))
	s.Mount(Mount{
		Pattern: pattern(t, "live/{name}"), Leaves: []string{"*.m4s"}, Lean: true,
		Serve: func(w http.ResponseWriter, r *http.Request, path, leaf string) {
			if leaf != "echo.m4s" {
				f(w, r)
				return
			}
			body := fmt.Sprintf("%s %s %s?%s agent=%q range=%q", r.Method, path, leaf, r.URL.RawQuery, r.UserAgent(), r.Header.Get("Range"))
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			fmt.Fprint(w, body)
		},
	})
	return s
}

// talk is one connection with requests and their answers.
type talk struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func newTalk(t *testing.T, c net.Conn) *talk {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() })
	return &talk{t, c, bufio.NewReader(c)}
}

// hear is the next response.
func (k *talk) hear(method string) (*http.Response, string) {
	k.t.Helper()
	res, err := http.ReadResponse(k.in, &http.Request{Method: method})
	if err != nil {
		k.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		k.t.Fatal(err)
	}
	return res, string(body)
}

// ask is a request's answer.
func (k *talk) ask(lines ...string) (*http.Response, string) {
	k.t.Helper()
	method, _, _ := strings.Cut(lines[0], " ")
	fmt.Fprint(k, strings.Join(append(lines, "Host: weir", "", ""), "\r\n"))
	return k.hear(method)
}

// Requests of all kinds come on one connection: each is answered as it would be by
// itself, whoever does it.
func TestExpress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := lean(t, http.NotFound)
		n, stop := serve(t, s)
		k := newTalk(t, n.dial("203.0.113.9"))
		for _, c := range []struct {
			ask    []string
			status int
			want   string
			over   int // connections that are taken over then
		}{
			{[]string{"GET /livez HTTP/1.1"}, 200, "alive", 0},
			{[]string{"GET /live/a/echo.m4s HTTP/1.1"}, 200, `GET live/a echo.m4s? agent="" range=""`, 1},
			{[]string{"GET /live/b/echo.m4s?x=1 HTTP/1.1", "User-Agent:  me \t"}, 200, `GET live/b echo.m4s?x=1 agent="me" range=""`, 1},
			{[]string{"GET /live/b/echo.m4s?x=2 HTTP/1.1", "User-Agent:  me \t"}, 200, `GET live/b echo.m4s?x=2 agent="me" range=""`, 1},
			{[]string{"GET /live/b/echo.m4s HTTP/1.1", "range: bytes=1-2"}, 200, `GET live/b echo.m4s? agent="" range="bytes=1-2"`, 1},
			{[]string{"HEAD /live/a/echo.m4s HTTP/1.1"}, 200, "", 1},
			{[]string{"GET /livez HTTP/1.1"}, 200, "alive", 0}, // not lean
			{[]string{"GET /live/a/echo.m4s HTTP/1.1", "Connection: Keep-Alive"}, 200, `GET live/a echo.m4s? agent="" range=""`, 1},
			{[]string{"GET /live/%61/echo.m4s HTTP/1.1"}, 200, `GET live/a echo.m4s? agent="" range=""`, 1}, // there and back
			{[]string{"POST /live/a/echo.m4s HTTP/1.1", "Content-Length: 0"}, 200, `POST live/a echo.m4s? agent="" range=""`, 0},
			{[]string{"GET /live/a/echo.m4s HTTP/1.1", "Cookie: " + strings.Repeat("c", 5000)}, 200, `GET live/a echo.m4s? agent="" range=""`, 1},
			{[]string{"GET /live/a/other.m4s HTTP/1.1"}, 404, "404 page not found\n", 0},
		} {
			res, body := k.ask(c.ask...)
			if res.StatusCode != c.status || body != c.want {
				t.Errorf("%q: %d %q, want %d %q", c.ask, res.StatusCode, body, c.status, c.want)
			}
			if h := res.Header; h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Date") == "" {
				t.Errorf("%q: header %v", c.ask, h)
			}
			synctest.Wait()
			if got := s.Stats().Lean; got != c.over {
				t.Errorf("%q: %d connections are taken over, want %d", c.ask, got, c.over)
			}
		}
		if got := s.Stats(); got.Requests != 12 || got.InFlight != 0 || got.Accepted != 1 {
			t.Errorf("%+v", got)
		}
		stop()
	})
}

// Requests that come before they are asked for are answered in their order, and a
// request in pieces like one in one piece.
func TestExpressPipelining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, stop := serve(t, lean(t, http.NotFound))
		k := newTalk(t, n.dial("203.0.113.9"))
		k.ask("GET /live/first/echo.m4s HTTP/1.1")
		var all strings.Builder
		for i := range 50 {
			fmt.Fprintf(&all, "GET /live/a/echo.m4s?%d HTTP/1.1\r\nHost: weir\r\nX: %s\r\n\r\n", i, strings.Repeat("x", 37*i))
		}
		go func() {
			for text := []byte(all.String()); len(text) > 0; {
				piece := min(len(text), 1000)
				_, _ = k.Write(text[:piece])
				text = text[piece:]
			}
		}()
		for i := range 50 {
			if _, body := k.hear("GET"); !strings.Contains(body, fmt.Sprintf("?%d ", i)) {
				t.Fatalf("answer %d is %q", i, body)
			}
		}
		_ = k.Close()
		stop()
	})
}

// T1: what drips into a connection that was taken over, and one that says nothing.
func TestExpressDrip(t *testing.T) {
	for text, limit := range map[string]time.Duration{"": 80 * time.Second, "GET /live/a/echo.m4s HTTP/1.1\r\nHost": 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			n, stop := serve(t, lean(t, http.NotFound))
			k := newTalk(t, n.dial("203.0.113.9"))
			k.ask("GET /live/a/echo.m4s HTTP/1.1")
			from, dripped := time.Now(), make(chan struct{})
			go func() {
				defer close(dripped)
				for _, b := range []byte(text) {
					if _, err := k.Write([]byte{b}); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			}()
			if _, err := k.in.ReadByte(); !errors.Is(err, io.EOF) {
				t.Errorf("read: %v", err)
			}
			if took := time.Since(from); took != limit {
				t.Errorf("%q: closed after %v", text, took)
			}
			_ = k.Close()
			<-dripped
			stop()
		})
	}
}

// A response that is not what was announced costs the connection, as does a panic.
func TestExpressBadHandlers(t *testing.T) {
	for name, f := range map[string]http.HandlerFunc{
		"short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			fmt.Fprint(w, "half")
		},
		"long": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "4")
			if _, err := fmt.Fprint(w, "half+half"); !errors.Is(err, http.ErrContentLength) {
				t.Errorf("long: %v", err)
			}
		},
		"panic": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			fmt.Fprint(w, "half")
			panic("late bird")
		},
		"abort": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		synctest.Test(t, func(t *testing.T) {
			s := lean(t, f)
			n, stop := serve(t, s)
			k := newTalk(t, n.dial("203.0.113.9"))
			fmt.Fprint(k, "GET /live/a/bad.m4s HTTP/1.1\r\nHost: weir\r\n\r\n")
			if all, err := io.ReadAll(k.in); err != nil || bytes.Contains(all, []byte("half+")) {
				t.Errorf("%s: %q, %v", name, all, err)
			}
			synctest.Wait()
			if s.Stats().InFlight != 0 || s.Stats().Conns != 0 {
				t.Errorf("%s: %+v", name, s.Stats())
			}
			stop()
		})
	}
}

// An early panic is a 500, a body without a length ends with the connection, and
// nothing is a 200 of no bytes.
func TestExpressForms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := lean(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.RawQuery {
			case "panic":
				panic("early bird")
			case "endless":
				for range 3 {
					fmt.Fprint(w, "piece ")
				}
			case "gone":
				w.WriteHeader(http.StatusNoContent)
			case "split":
				w.Header().Set("X-Split", "a\r\nX-Other: b")
			}
		})
		n, stop := serve(t, s)
		k := newTalk(t, n.dial("203.0.113.9"))
		for query, want := range map[string]struct {
			status int
			body   string
		}{"panic": {500, "internal"}, "gone": {204, ""}, "nothing": {200, ""}} {
			if res, body := k.ask("GET /live/a/x.m4s?" + query + " HTTP/1.1"); res.StatusCode != want.status || !strings.Contains(body, want.body) {
				t.Errorf("%s: %d %q", query, res.StatusCode, body)
			}
		}
		if res, _ := k.ask("GET /live/a/x.m4s?split HTTP/1.1"); res.Header.Get("X-Split") != "a  X-Other: b" {
			t.Errorf("header %v", res.Header)
		}
		if res, body := k.ask("GET /live/a/x.m4s?endless HTTP/1.1"); body != "piece piece piece " || !res.Close {
			t.Errorf("endless: %q, close %v", body, res.Close)
		}
		stop()
	})
}

// At the end the idle connections are closed at once, the others with their
// response, or when the time is over.
func TestExpressDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := lean(t, func(w http.ResponseWriter, r *http.Request) {
			d, _ := time.ParseDuration(r.URL.RawQuery)
			select {
			case <-time.After(d):
				w.Header().Set("Content-Length", "4")
				fmt.Fprint(w, "done")
			case <-r.Context().Done():
			}
		})
		n, stop := serve(t, s)
		from := time.Now()
		ends := make(chan string, 3)
		for _, query := range []string{"0s", "3s", "1h"} {
			k := newTalk(t, n.dial("203.0.113.9"))
			fmt.Fprintf(k, "GET /live/a/x.m4s?%s HTTP/1.1\r\nHost: weir\r\n\r\n", query)
			go func() {
				all, _ := io.ReadAll(k.in)
				ends <- fmt.Sprintf("%s %v %v", query, time.Since(from), bytes.HasSuffix(all, []byte("done")))
			}()
			synctest.Wait()
		}
		stop()
		for _, want := range []string{"0s 0s true", "3s 3s true", "1h 5s false"} {
			if got := <-ends; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

// A client who has gone does not keep its request waiting.
func TestExpressGone(t *testing.T) {
	ended := make(chan struct{})
	s := lean(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(ended)
	})
	c, err := net.Dial("tcp", onLoopback(t, s))
	if err != nil {
		t.Fatal(err)
	}
	k := newTalk(t, c)
	k.ask("GET /live/a/echo.m4s HTTP/1.1")
	fmt.Fprint(k, "GET /live/a/wait.m4s HTTP/1.1\r\nHost: weir\r\n\r\n")
	_ = k.Close()
	<-ended
}

// Long bodies and files arrive whole over a real socket.
func TestExpressBodies(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 40_000)
	name := filepath.Join(t.TempDir(), "seg.m4s")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s := lean(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "file" {
			http.ServeFile(w, r, name)
			return
		}
		size, _ := strconv.Atoi(r.URL.RawQuery)
		w.Header().Set("Content-Length", r.URL.RawQuery)
		_, _ = w.Write(content[:size/2])
		_, _ = w.Write(content[size/2 : size])
	})
	c, err := net.Dial("tcp", onLoopback(t, s))
	if err != nil {
		t.Fatal(err)
	}
	k := newTalk(t, c)
	for _, size := range []int{0, 1, 3000, 9000, len(content)} {
		if _, body := k.ask(fmt.Sprintf("GET /live/a/x.m4s?%d HTTP/1.1", size)); body != string(content[:size]) {
			t.Errorf("%d bytes: got %d", size, len(body))
		}
	}
	if _, body := k.ask("GET /live/a/x.m4s?file HTTP/1.1"); body != string(content) {
		t.Errorf("file: got %d bytes", len(body))
	}
	if res, body := k.ask("GET /live/a/x.m4s?file HTTP/1.1", "Range: bytes=65530-200000"); res.StatusCode != 206 || body != string(content[65530:200001]) {
		t.Errorf("range: %d, %d bytes", res.StatusCode, len(body))
	}
	if n := s.Stats().Lean; n != 1 {
		t.Errorf("%d connections are taken over", n)
	}
}

// FuzzHead: what we take for a plain request is what package net/http takes it for.
func FuzzHead(f *testing.F) {
	for _, seed := range []string{
		"GET /live/a/x.m4s HTTP/1.1\r\nHost: weir\r\n\r\n",
		"HEAD /live/a/x.m3u8?_HLS_msn=3&_HLS_part=1 HTTP/1.1\r\nHost: weir:8080\r\nUser-Agent: a b\r\naccept: */*\r\nAccept: x\r\n\r\nGET",
		"GET /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "GET /a HTTP/1.1\r\nHost: a\r\n x: y\r\n\r\n",
		"GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET /a HTTP/1.0\r\nHost: a\r\n\r\n", "GET /a HTTP/1.1\nHost: a\n\n",
		"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc", "GET //a HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a? HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, how := parseHead(b)
		if how != plainly {
			return
		}
		host, header, ok := parseFields(h.fields)
		if !ok {
			return
		}
		r := bufio.NewReader(bytes.NewReader(b))
		want, err := http.ReadRequest(r)
		if err != nil {
			t.Fatalf("%q: net/http: %v", b, err)
		}
		want.Header.Del("Connection")
		if h.method != want.Method || h.target != want.RequestURI || h.path != want.URL.Path || h.query != want.URL.RawQuery ||
			want.URL.RawPath != "" || host != want.Host || fmt.Sprint(header) != fmt.Sprint(want.Header) {
			t.Errorf("%q: %+v %q %v, net/http has %+v", b, h, host, header, want)
		}
		if want.ContentLength != 0 || len(want.TransferEncoding) > 0 || want.Close {
			t.Errorf("%q: has a body or closes", b)
		}
		if rest, _ := io.ReadAll(r); !bytes.Equal(rest, b[h.size:]) {
			t.Errorf("%q: what follows is %q, net/http says %q", b, b[h.size:], rest)
		}
	})
}
