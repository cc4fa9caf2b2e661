//go:build e2e

package access

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/pipeline/service/rtmpd"
)

var knocks atomic.Int64

// try knocks at a door, and says what is answered.
func (s *server) try(t *testing.T, e entry, p paper, o origin) outcome {
	t.Helper()
	n := int(knocks.Add(1))
	return s.tryAt(t, e, p, o, n, e.streamOf(n))
}

func (s *server) tryAt(t *testing.T, e entry, p paper, o origin, n int, path string) outcome {
	t.Helper()
	from, host, header := o.at(n)
	if e.method == "" {
		return s.tryRTMP(t, e, p, from, path)
	}
	target := "/" + path + "/" + e.leaf
	if strings.HasPrefix(e.leaf, "/") {
		target = e.leaf
	}
	body := ""
	if e.method == http.MethodPost {
		header.Set("Content-Type", "application/sdp")
		body = offer(t, e.leaf == "whep")
	}
	destination := elsewhere
	if from == loopback || from == knownProxy {
		destination = loopback
	}
	r, err := http.NewRequestWithContext(t.Context(), e.method, "https://"+destination+":"+s.http+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header, r.Host = header, net.JoinHostPort(host, s.http)
	if p.form != nothing {
		e.put(r, p)
	}
	c := s.client(from)
	reply, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	var problem struct{ Code, Detail string }
	_ = json.Unmarshal(answer, &problem) // else it is none
	to := reply.Header.Get("Location")
	for _, said := range []string{to, problem.Detail} {
		if p.form != nothing && p.text != "" && strings.Contains(said, p.text) {
			t.Errorf("%s %s, %s: is told %q", e.protocol, p.kind, p.state, said)
		}
	}
	if to != "" { // who came leaves
		leave, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, "https://"+destination+":"+s.http+to, nil)
		if err != nil {
			t.Fatal(err)
		}
		gone, err := c.Do(leave)
		if err != nil {
			t.Fatal(err)
		}
		gone.Body.Close()
	}
	switch reply.StatusCode {
	case http.StatusOK, http.StatusCreated:
		return in
	case http.StatusNotFound:
		if problem.Code == "not_found" && !strings.HasSuffix(e.leaf, ".m4s") {
			return nowhere
		}
		return in // and told that there is no such segment
	}
	if challenge := reply.Header.Get("WWW-Authenticate"); (reply.StatusCode == http.StatusUnauthorized) != strings.HasPrefix(challenge, "Bearer ") {
		t.Errorf("%s %s, %s: %d with %q", e.protocol, p.kind, p.state, reply.StatusCode, challenge)
	}
	return outcome(problem.Code)
}

func (s *server) tryRTMP(t *testing.T, e entry, p paper, from, path string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	destination, port, scheme := elsewhere, s.rtmp, "rtmp"
	if from == loopback {
		destination = loopback
	}
	if e.protocol == "RTMPS" {
		port, scheme = s.rtmps, "rtmps"
	}
	address := scheme + "://" + destination + ":" + port + "/" + path
	if p.form != nothing {
		address += "?key=" + url.QueryEscape(p.text)
	}
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := rtmpd.Dial(ctx, address, rtmpd.DialOptions{TLS: s.trust, Dial: d.DialContext})
	if err == nil {
		_ = c.Close()
		return in
	}
	var told *rtmpd.StatusError
	switch {
	case !errors.As(err, &told):
		t.Errorf("%s %s, %s: %v", e.protocol, p.kind, p.state, err)
	case p.form != nothing && strings.Contains(told.Text, p.text):
		t.Errorf("%s %s, %s: is told %q", e.protocol, p.kind, p.state, told.Text)
	case told.Code == rtmpd.CodeBadName:
		return nowhere
	}
	return refused
}
