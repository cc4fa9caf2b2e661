package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Delivery is one attempt to deliver an event.
type Delivery struct {
	Event    string     `json:"event_id"`
	Type     string     `json:"type"`
	Stream   string     `json:"stream,omitempty"`
	Attempt  int        `json:"attempt"`
	At       time.Time  `json:"at"`
	Duration float64    `json:"duration_seconds"`
	Status   int        `json:"status,omitempty" doc:"What the endpoint answered; left out if it did not."`
	Error    string     `json:"error,omitempty"`
	State    string     `json:"state" enum:"delivered,retrying,given_up,tested"`
	Next     *time.Time `json:"next_attempt_at,omitempty"`
}

// The states of a delivery.
const (
	delivered = "delivered"
	retrying  = "retrying"
	gaveUp    = "given_up"
	tested    = "tested"
)

// maxDeliveries is how many are remembered of each endpoint.
const maxDeliveries = 100

// patience is how long an endpoint may take to answer.
const patience = 15 * time.Second

// NewClient makes the client for endpoints, which connects by dial. It follows no
// redirects: an endpoint that has moved is told to this server by a person.
func NewClient(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Client {
	return &http.Client{
		Timeout: patience,
		Transport: &http.Transport{
			DialContext: dial, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: parallel, IdleConnTimeout: time.Minute,
			TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is what came of a request.
type answer struct {
	status int
	after  time.Duration // the endpoint wants to be left alone for so long
	err    error
}

func (a *answer) ok() bool { return a.err == nil && a.status/100 == 2 }

// words are why a request failed, without the URL; "" if it did not.
func (a *answer) words() string {
	var u *url.Error
	var timeout net.Error
	switch {
	case a.ok():
		return ""
	case a.err == nil && a.status/100 == 3:
		return "the endpoint has moved, and redirects are not followed: change its url"
	case a.err == nil:
		return fmt.Sprintf("the endpoint answered %d %s", a.status, http.StatusText(a.status))
	case errors.As(a.err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("the endpoint has not answered within %v", patience)
	case errors.As(a.err, &u):
		return u.Err.Error()
	default:
		return a.err.Error()
	}
}

// send makes one request. Its time is the attempt's, its ID the event's.
func send(ctx context.Context, client *http.Client, e *Endpoint, it *item) answer {
	key, err := keyOf(e.Secret)
	if err != nil {
		return answer{err: err}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(it.body))
	if err != nil {
		return answer{err: err}
	}
	now := time.Now()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "weir")
	r.Header.Set("Webhook-Id", it.id)
	r.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	r.Header.Set("Webhook-Signature", sign(key, it.id, now, it.body))
	res, err := client.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	a := answer{status: res.StatusCode}
	if s, err := strconv.ParseUint(res.Header.Get("Retry-After"), 10, 16); err == nil {
		a.after = time.Duration(s) * time.Second
	}
	return a
}
