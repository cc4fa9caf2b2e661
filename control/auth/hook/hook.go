package hook

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// The forms of questions.
const (
	Weir      = "weir"
	MediaMTX  = "mediamtx"
	NginxRTMP = "nginx-rtmp"
)

// Question is what is asked. All of it goes to the service.
type Question struct {
	Action   string `json:"action"` // publish, play
	Path     string `json:"path"`
	Protocol string `json:"protocol"` // rtmp, rtmps, whip, whep, hls
	Remote   string `json:"remote"`   // an IP address
	Agent    string `json:"agent"`
	Session  string `json:"session"`
	User     string `json:"user"`
	Password string `json:"password"`
	Token    string `json:"token"`
	Query    string `json:"query"`
}

// Answer is what the service says.
type Answer struct {
	Allow bool
	// Subject is who it is, Expires when the permission ends; empty if it does not say.
	Subject string
	Expires time.Time
}

// Config says whom to ask, and how.
type Config struct {
	URL, Form string
	Timeout   time.Duration
	// Cache is how long an answer is good for the same question.
	Cache time.Duration
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
}

// What is asked at once, and what is remembered.
const (
	maxAsking  = 64
	maxAnswers = 10_000
	maxReply   = 64 << 10 // bytes
)

// Hook asks. Use [New].
type Hook struct {
	config Config
	client *http.Client
	slots  chan struct{}

	mu      sync.Mutex // guards answers
	answers map[[sha256.Size]byte]*answer
}

// answer is one that is there, or that is waited for.
type answer struct {
	done  chan struct{} // closed when the rest is set
	until time.Time
	Answer
	err error
}

// New makes a Hook. It connects to nothing yet.
func New(c Config) *Hook {
	return &Hook{
		config: c,
		client: &http.Client{
			Transport: &http.Transport{
				DialContext: c.Dial, MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: c.Timeout,
				ForceAttemptHTTP2: true, MaxResponseHeaderBytes: maxReply,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		slots: make(chan struct{}, maxAsking), answers: make(map[[sha256.Size]byte]*answer),
	}
}

// Close closes idle connections.
func (h *Hook) Close() { h.client.CloseIdleConnections() }

// Ask waits for the service's answer, or takes one that it has given of late. It fails if
// there is none in time.
func (h *Hook) Ask(ctx context.Context, q Question) (Answer, error) {
	key := q.key()
	h.mu.Lock()
	known := h.answers[key]
	if known != nil && known.stale() {
		known = nil
	}
	if known == nil {
		known = &answer{done: make(chan struct{})}
		h.forget()
		h.answers[key] = known
		// Others may wait for the answer when this one has gone.
		go h.ask(context.WithoutCancel(ctx), q, key, known)
	}
	h.mu.Unlock()
	select {
	case <-known.done:
		return known.Answer, known.err
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("the service has not answered: %w", ctx.Err())
	}
}

// key is the same for the same question; a session is not part of it.
func (q Question) key() [sha256.Size]byte {
	q.Session = ""
	text, _ := json.Marshal(q) // texts can be encoded
	return sha256.Sum256(text)
}

func (a *answer) stale() bool {
	select {
	case <-a.done:
		return a.err != nil || !time.Now().Before(a.until)
	default:
		return false
	}
}

// forget makes room for an answer. The caller holds mu.
func (h *Hook) forget() {
	if len(h.answers) < maxAnswers {
		return
	}
	for key, a := range h.answers {
		if a.stale() {
			delete(h.answers, key)
		}
	}
	for key := range h.answers {
		if len(h.answers) < maxAnswers {
			return
		}
		delete(h.answers, key)
	}
}

func (h *Hook) ask(ctx context.Context, q Question, key [sha256.Size]byte, a *answer) {
	ctx, cancel := context.WithTimeout(ctx, h.config.Timeout)
	defer cancel()
	var said Answer
	var err error
	select {
	case h.slots <- struct{}{}:
		said, err = h.post(ctx, q)
		<-h.slots
	case <-ctx.Done():
		err = fmt.Errorf("too many questions at once: %w", ctx.Err())
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	a.Answer, a.err, a.until = said, err, time.Now().Add(h.config.Cache)
	if (err != nil || h.config.Cache == 0) && h.answers[key] == a {
		delete(h.answers, key)
	}
	close(a.done)
}

func (h *Hook) post(ctx context.Context, q Question) (Answer, error) {
	body, kind := h.encode(q)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.config.URL, strings.NewReader(body))
	if err != nil {
		return Answer{}, fmt.Errorf("ask the service: %w", err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("User-Agent", "weir")
	reply, err := h.client.Do(r)
	if err != nil {
		var at *url.Error
		if errors.As(err, &at) { // its text has the URL, which may have a password
			err = at.Err
		}
		return Answer{}, fmt.Errorf("ask the service: %w", err)
	}
	defer reply.Body.Close()
	switch {
	case reply.StatusCode/100 == 2:
		return h.decode(reply)
	case reply.StatusCode/100 == 5 || reply.StatusCode == http.StatusTooManyRequests:
		return Answer{}, fmt.Errorf("the service answered %s", reply.Status)
	default:
		return Answer{}, nil
	}
}
