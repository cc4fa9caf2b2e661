package httpd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// T1: 2,000 sockets drip a header byte by byte for a minute. Each is closed within
// five seconds, a viewer is answered at once all the while, and nothing is left.
func TestHeaderDrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Limits: Limits{ConnsPerAddr: 5000}})
		s.Handle("/livez", fixed("ok"))
		n, stop := serve(t, s)
		var longest time.Duration
		ended := make(chan time.Duration)
		for i := range 2000 {
			go func() {
				c := n.dial(fmt.Sprintf("198.51.100.%d", i%250))
				defer c.Close()
				go func() { _, _ = io.Copy(io.Discard, c) }() // a pipe has no buffer for the server's 400
				from := time.Now()
				for _, b := range []byte("GET /livez HTTP/1.1\r\nHost: weir\r\nX: " + strings.Repeat("a", 60)) {
					if _, err := c.Write([]byte{b}); err != nil {
						break
					}
					time.Sleep(time.Second)
				}
				ended <- time.Since(from)
			}()
		}
		viewer := n.client(t, "203.0.113.9")
		for range 60 {
			asked := time.Now()
			if code, body := get(t, viewer, "http://weir/livez"); code != 200 || body != "ok" {
				t.Fatalf("the viewer got %d %q", code, body)
			}
			if took := time.Since(asked); took > 0 {
				t.Fatalf("the viewer waited %v", took)
			}
			time.Sleep(time.Second)
		}
		for range 2000 {
			longest = max(longest, <-ended)
		}
		if longest > 6*time.Second {
			t.Errorf("a dripping connection lived for %v", longest)
		}
		viewer.CloseIdleConnections()
		synctest.Wait()
		if got := s.Stats(); got.Conns != 0 || got.Accepted != 2001 {
			t.Errorf("afterwards: %+v", got)
		}
		stop()
	})
}

// T1: a connection that is opened and says nothing counts as dripping.
func TestSilentConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		n, stop := serve(t, s)
		c := n.dial("198.51.100.1")
		from := time.Now()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("read: %v", err)
		}
		if took := time.Since(from); took != 5*time.Second {
			t.Errorf("closed after %v", took)
		}
		stop()
	})
}

func TestBodyDrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		s.Handle("/v1/x", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			from := time.Now()
			_, err := io.ReadAll(r.Body)
			if took := time.Since(from); err == nil || took != 15*time.Second {
				t.Errorf("read for %v: %v", took, err)
			}
			Problem(w, http.StatusRequestTimeout, "body_timeout", "Too slow", "")
		}))
		n, stop := serve(t, s)
		c := n.dial("198.51.100.1")
		defer c.Close()
		fmt.Fprint(c, "POST /v1/x HTTP/1.1\r\nHost: weir\r\nContent-Length: 1000\r\n\r\n")
		dripped := make(chan struct{})
		go func() {
			defer close(dripped)
			for {
				if _, err := c.Write([]byte{'a'}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode != 408 {
			t.Errorf("%v %v", res, err)
		}
		c.Close()
		<-dripped
		stop()
	})
}

// A body that has been read must not limit how long the answer may be waited for.
func TestLongAnswerToBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Limits: Limits{BodyBytes: 8}})
		s.Handle("/v1/x", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				Problem(w, http.StatusRequestEntityTooLarge, "too_large", "Too large", "")
				return
			}
			select {
			case <-time.After(time.Minute):
				fmt.Fprint(w, "late")
			case <-r.Context().Done():
				t.Errorf("the request ended early")
			}
		}))
		n, stop := serve(t, s)
		viewer := n.client(t, "203.0.113.9")
		for body, want := range map[string]int{"short": 200, "much too long": 413} {
			res, err := viewer.Post("http://weir/v1/x", "text/plain", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != want {
				t.Errorf("%q: %d, want %d", body, res.StatusCode, want)
			}
		}
		viewer.CloseIdleConnections()
		stop()
	})
}

// T14: a peer that takes 1 kB/s of a segment is cut off, one at 1 Mbit/s is not,
// however long it takes.
func TestSlowReader(t *testing.T) {
	const size = 4 << 20
	for _, c := range []struct {
		name  string
		rate  int // bytes per second
		whole bool
	}{{"1 kB/s", 1000, false}, {"125 kB/s", 125000, true}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(Config{})
				s.Handle("/seg", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					_, _ = w.Write(make([]byte, size))
				}))
				n, stop := serve(t, s)
				conn := n.dial("198.51.100.1")
				defer conn.Close()
				fmt.Fprint(conn, "GET /seg HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n")
				from, got, buf := time.Now(), 0, make([]byte, c.rate/10)
				for {
					k, err := io.ReadFull(conn, buf)
					if got += k; err != nil {
						break
					}
					time.Sleep(100 * time.Millisecond)
				}
				took := time.Since(from)
				synctest.Wait() // the server counts it after it has hung up
				switch slow := s.Stats().Slow; {
				case c.whole && (got < size || slow != 0):
					t.Errorf("got %d bytes of %d, %d writes were given up", got, size, slow)
				case !c.whole && (got > 20000 || took > 12*time.Second || slow != 1):
					t.Errorf("cut off after %v and %d bytes, %d writes were given up", took, got, slow)
				}
				stop()
			})
		})
	}
}

func TestConnectionLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Limits: Limits{Conns: 10, ConnsPerAddr: 3, Header: time.Hour}})
		n, stop := serve(t, s)
		refused := func(c net.Conn) bool {
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			_, err := c.Read(make([]byte, 1))
			return errors.Is(err, io.EOF)
		}
		for _, c := range []struct {
			from    string
			refused bool
		}{
			{"198.51.100.1", false},
			{"198.51.100.1", false},
			{"198.51.100.1", false},
			{"198.51.100.1", true},
			{"::ffff:198.51.100.1", true}, // the same address
			{"2001:db8:0:1::1", false},
			{"2001:db8:0:1::2", false},
			{"2001:db8:0:1:ffff::3", false},
			{"2001:db8:0:1::4", true}, // the same /64
			{"2001:db8:0:2::1", false},
			{"127.0.0.1", false}, // exempt
			{"127.0.0.1", false},
			{"127.0.0.1", false}, // the tenth
			{"127.0.0.1", true},
			{"203.0.113.1", true}, // full
		} {
			if got := refused(n.dial(c.from)); got != c.refused {
				t.Errorf("%s: refused %v", c.from, got)
			}
		}
		want := Stats{Conns: 10, MaxConns: 10, Accepted: 10, RefusedFull: 2, RefusedAddr: 3}
		if got := s.Stats(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		stop()
		if got := s.Stats().Conns; got != 0 {
			t.Errorf("%d connections are counted after the end", got)
		}
	})
}

// R32: without descriptors the server waits, ever longer, and recovers by itself.
func TestAcceptBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		s.Handle("/livez", fixed("ok"))
		n, stop := serve(t, s)
		until, tries := time.Now().Add(time.Minute), 0
		for time.Now().Before(until) {
			n.arrivals <- &net.OpError{Op: "accept", Err: syscall.EMFILE}
			tries++
		}
		if tries > 70 {
			t.Errorf("%d tries in a minute", tries)
		}
		viewer := n.client(t, "203.0.113.9")
		if code, _ := get(t, viewer, "http://weir/livez"); code != 200 {
			t.Errorf("afterwards: %d", code)
		}
		if got := s.Stats().AcceptErrors; got != uint64(tries) {
			t.Errorf("counted %d of %d errors", got, tries)
		}
		viewer.CloseIdleConnections()
		stop()
	})
}

func TestListenerFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newTown()
		done := make(chan error, 1)
		go func() { done <- New(Config{}).Serve(context.WithoutCancel(t.Context()), n) }()
		n.arrivals <- syscall.EINVAL
		if err := <-done; !errors.Is(err, syscall.EINVAL) {
			t.Errorf("Serve: %v", err)
		}
	})
}
