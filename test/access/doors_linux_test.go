//go:build e2e

package access

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"weir/pipeline/access"
	"weir/pipeline/service/rtmpd"
)

// outcome is what became of somebody at a door.
type outcome string

const (
	in outcome = "in"
	// refused is all that RTMP says to programs; others say the access.Why.
	refused outcome = "refused"
	// nowhere is an address that means nothing.
	nowhere outcome = "nowhere"
)

// knock is somebody at a door.
type knock struct {
	from, path, token string
}

// door is one way to show a token by one protocol.
type door struct {
	name   string
	action access.Action
	try    func(t *testing.T, h *house, k knock) outcome
	coarse bool // it says only refused
}

func doors() []door {
	rtmpBy := func(secure bool) func(*testing.T, *house, knock) outcome {
		return func(t *testing.T, h *house, k knock) outcome { return tryRTMP(t, h, k, secure) }
	}
	return []door{
		{"rtmp", access.Publish, rtmpBy(false), true},
		{"rtmps", access.Publish, rtmpBy(true), true},
		{"whip bearer", access.Publish, over("POST", "whip", bearer), false},
		{"whip query", access.Publish, over("POST", "whip", query), false},
		{"whip path", access.Publish, over("POST", "whip", segment), false},
		{"whep bearer", access.Play, over("POST", "whep", bearer), false},
		{"whep query", access.Play, over("POST", "whep", query), false},
		{"hls bearer", access.Play, over("GET", "index.m3u8", bearer), false},
		{"hls query", access.Play, over("GET", "index.m3u8", query), false},
		{"hls part", access.Play, over("GET", "video-token-p0.m4s", bearer), false},
	}
}

// tryRTMP publishes for a moment.
func tryRTMP(t *testing.T, h *house, k knock, secure bool) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := dialRTMP(ctx, h, k, secure)
	if err == nil {
		_ = c.Close()
		return in
	}
	var told *rtmpd.StatusError
	switch {
	case !errors.As(err, &told):
		t.Errorf("%+v: %v", k, err)
		return ""
	case k.token != "" && strings.Contains(told.Text, k.token):
		t.Errorf("%+v is told %s", k, told.Text)
	case told.Code == rtmpd.CodeBadName:
		return nowhere
	case told.Code != rtmpd.CodeDenied:
		t.Errorf("%+v: %v", k, told)
	}
	return refused
}

func dialRTMP(ctx context.Context, h *house, k knock, secure bool) (*rtmpd.Client, error) {
	address := "rtmp://" + k.from + ":" + h.rtmp + "/"
	if secure {
		address = "rtmps://" + k.from + ":" + h.rtmps + "/"
	}
	address += k.path
	if k.token != "" {
		address += "?key=" + url.QueryEscape(k.token)
	}
	return rtmpd.Dial(ctx, address, rtmpd.DialOptions{TLS: h.trust})
}

// The places for a token in an HTTP request.
type place uint8

const (
	bearer place = iota
	query
	segment
)

// over asks for a leaf by HTTP.
func over(method, leaf string, at place) func(*testing.T, *house, knock) outcome {
	return func(t *testing.T, h *house, k knock) outcome {
		t.Helper()
		address := "http://" + k.from + ":" + h.http + "/" + k.path + "/" + leaf
		header, body := http.Header{}, ""
		switch {
		case k.token == "":
		case at == bearer:
			header.Set("Authorization", "Bearer "+k.token)
		case at == query:
			address += "?token=" + url.QueryEscape(k.token)
		case at == segment:
			address += "/" + k.token
		}
		if method == http.MethodPost {
			header.Set("Content-Type", "application/sdp")
			body = offer(t, leaf == "whep")
		}
		status, code, answer := request(t, method, address, header, body)
		if k.token != "" && (strings.Contains(answer.Get("Location"), k.token) || answer.Get("Location") != "" && strings.Contains(answer.Get("Location"), "?")) {
			t.Errorf("%+v is sent to %s", k, answer.Get("Location"))
		}
		if to := answer.Get("Location"); to != "" { // who came leaves
			request(t, http.MethodDelete, "http://"+k.from+":"+h.http+to, nil, "")
		}
		switch status {
		case http.StatusOK, http.StatusCreated:
			return in
		case http.StatusNotFound:
			if code == "not_found" && !strings.HasSuffix(leaf, ".m4s") {
				return nowhere
			}
			return in // and told that there is no such thing
		}
		if challenge := answer.Get("WWW-Authenticate"); (status == http.StatusUnauthorized) != strings.HasPrefix(challenge, "Bearer ") {
			t.Errorf("%+v: %d with %q", k, status, challenge)
		}
		return outcome(code)
	}
}

// request is an answer's status, problem code and header.
func request(t *testing.T, method, address string, header http.Header, body string) (int, string, http.Header) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var problem struct{ Code string }
	_ = json.Unmarshal(text, &problem) // else it is none
	return res.StatusCode, problem.Code, res.Header
}

// offer is that of an encoder, or of a player.
func offer(t *testing.T, play bool) string {
	t.Helper()
	b, err := os.ReadFile("../../ingest/whip/testdata/obs.sdp")
	if err != nil {
		t.Fatal(err)
	}
	if play {
		return strings.ReplaceAll(string(b), "a=sendonly", "a=recvonly")
	}
	return string(b)
}
