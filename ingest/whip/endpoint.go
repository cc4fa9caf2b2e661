package whip

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"weir/pipeline"
	"weir/pipeline/instance"
	"weir/pipeline/service/httpd"
	"weir/pipeline/service/rtc"
)

const (
	mimeSDP      = "application/sdp"
	mimeFragment = "application/trickle-ice-sdpfrag" // RFC 8840

	// leaf is what follows a stream's path; a session's address has one segment more.
	leaf = "whip"
	// answerTime is how long an offer may take to be answered. OBS waits 8 s.
	answerTime = 6 * time.Second
	// maxPatches bounds how often a session may be changed.
	maxPatches = 20
	// busyRetry is when a publisher that found no room may come again, in seconds.
	busyRetry = "5"
)

// Peer is a publisher on its way to its stage.
type Peer struct {
	*rtc.Publisher
	// Agent is what its HTTP client calls itself.
	Agent string
	// From is where its signalling came from.
	From netip.AddrPort
}

// Door is where publishers meet the stage of their path.
type Door = instance.Door[*Peer]

// Site is where the endpoints are mounted; an *httpd.Server is one.
type Site interface {
	Mount(m httpd.Mount) (unmount func())
}

// sessions are the WHIP sessions of all paths, by their random names.
type sessions struct {
	mu sync.Mutex // guards all
	// all has the sessions whose publishers have not ended.
	all map[string]*session
}

type session struct {
	path      string
	publisher *rtc.Publisher
	patches   int // guarded by the sessions' mu
}

// endpoint serves one pipeline definition's publishers by HTTP.
type endpoint struct {
	peers    *rtc.Server
	door     *Door
	sessions *sessions
	config   *Config
}

// serve answers requests for the endpoint and for its sessions.
func (e *endpoint) serve(w http.ResponseWriter, r *http.Request, path, name string) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Patch, Retry-After")
	id, isSession := strings.CutPrefix(name, leaf+"/")
	allow := "OPTIONS, POST"
	if isSession {
		allow = "DELETE, OPTIONS, PATCH"
	}
	switch {
	case r.Method == http.MethodOptions:
		e.options(w, allow)
	case !isSession && r.Method == http.MethodPost:
		e.publish(w, r, path)
	case isSession && r.Method == http.MethodPatch:
		e.patch(w, r, path, id)
	case isSession && r.Method == http.MethodDelete:
		e.remove(w, path, id)
	default:
		h.Set("Allow", allow)
		httpd.Problem(w, http.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed",
			"WHIP publishes with POST; a session takes PATCH and DELETE.")
	}
}

func (e *endpoint) options(w http.ResponseWriter, allow string) {
	h := w.Header()
	h.Set("Allow", allow)
	h.Set("Accept-Post", mimeSDP)
	h.Set("Access-Control-Allow-Methods", allow)
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	h.Set("Access-Control-Max-Age", "86400")
	for _, link := range e.peers.Links(time.Now()) {
		h.Add("Link", link)
	}
	w.WriteHeader(http.StatusNoContent)
}

// publish answers an offer (RFC 9725 section 4.2).
func (e *endpoint) publish(w http.ResponseWriter, r *http.Request, path string) {
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	if !e.admit(w, r, from.Addr()) {
		return
	}
	body, ok := read(w, r, mimeSDP)
	if !ok {
		return
	}
	offer, err := rtc.ParseOffer(body)
	if err != nil {
		refuse(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerTime)
	defer cancel()
	p, err := e.peers.Publish(ctx, offer, from.Addr())
	if err != nil {
		refuse(w, err)
		return
	}
	answer, err := p.Answer()
	if err == nil {
		err = e.door.Enter(ctx, path, func(*pipeline.Announcement) error { return nil },
			&Peer{Publisher: p, Agent: r.UserAgent(), From: from})
	}
	if err != nil {
		p.End(err)
		refuse(w, err)
		return
	}
	follow(r.Context(), p)
	id := e.sessions.add(path, p)
	h := w.Header()
	h.Set("Content-Type", mimeSDP)
	h.Set("Location", r.URL.Path+"/"+id)
	h.Set("ETag", etag(p))
	h.Set("Accept-Patch", mimeFragment)
	h.Set("Cache-Control", "no-store")
	for _, link := range e.peers.Links(time.Now()) {
		h.Add("Link", link)
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer)
}

func etag(p *rtc.Publisher) string { return `"` + p.ICE() + `"` }

// admit checks the bearer token (RFC 6750 section 2.1).
func (e *endpoint) admit(w http.ResponseWriter, r *http.Request, remote netip.Addr) bool {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		key = ""
	}
	switch e.config.admit(strings.TrimSpace(key), remote) {
	case keyMissing:
		w.Header().Set("WWW-Authenticate", `Bearer realm="weir"`)
		httpd.Problem(w, http.StatusUnauthorized, "key_missing", "Key missing",
			"Send the stream's key as bearer token: Authorization: Bearer …")
	case keyWrong:
		w.Header().Set("WWW-Authenticate", `Bearer realm="weir", error="invalid_token"`)
		httpd.Problem(w, http.StatusUnauthorized, "key_wrong", "Key wrong", "The bearer token is not a key of this stream.")
	case notLocal:
		httpd.Problem(w, http.StatusForbidden, "key_not_configured", "No key is configured",
			"Publishing from other machines needs a key: set key in ingest/whip.")
	default:
		return true
	}
	return false
}

// read reads a body of the given media type.
func read(w http.ResponseWriter, r *http.Request, want string) ([]byte, bool) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != want {
		w.Header().Set("Accept-Post", mimeSDP)
		httpd.Problem(w, http.StatusUnsupportedMediaType, "media_type", "Unsupported media type", "The body must be "+want+".")
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, rtc.MaxSDP))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		httpd.Problem(w, http.StatusRequestEntityTooLarge, "too_large", "Too large",
			fmt.Sprintf("The body may have at most %d bytes.", rtc.MaxSDP))
		return nil, false
	case err != nil:
		httpd.Problem(w, http.StatusBadRequest, "body", "Bad request", "The body did not come whole.")
		return nil, false
	}
	return body, true
}

// refuse answers with what an error means to a publisher.
func refuse(w http.ResponseWriter, err error) {
	var no *rtc.Refusal
	switch {
	case errors.As(err, &no) && no.Reason == rtc.Malformed:
		httpd.Problem(w, http.StatusBadRequest, "sdp_malformed", "Bad SDP", no.Text)
	case errors.As(err, &no) && no.Reason == rtc.Unsupported:
		httpd.Problem(w, http.StatusNotAcceptable, "sdp_unsupported", "Offer not acceptable", no.Text)
	case errors.As(err, &no) && no.Reason == rtc.Unprocessable:
		httpd.Problem(w, http.StatusUnprocessableEntity, "sdp_unprocessable", "Offer cannot be processed", no.Text)
	case errors.As(err, &no):
		busy(w, no.Text)
	case errors.Is(err, instance.ErrDraining):
		busy(w, "The server is shutting down.")
	case errors.Is(err, instance.ErrTooMany):
		busy(w, "The server runs as many streams as it may.")
	case errors.Is(err, instance.ErrNoPipeline):
		httpd.Problem(w, http.StatusNotFound, "no_pipeline", "Not found", "No pipeline takes WHIP here.")
	case errors.Is(err, context.DeadlineExceeded):
		busy(w, "The pipeline did not start in time.")
	default:
		httpd.Problem(w, http.StatusInternalServerError, "internal", "Internal error", "The pipeline could not be started. The log says why.")
	}
}

func busy(w http.ResponseWriter, text string) {
	w.Header().Set("Retry-After", busyRetry)
	httpd.Problem(w, http.StatusServiceUnavailable, "busy", "Busy", text)
}

// add gives a publisher a session until it ends.
func (s *sessions) add(path string, p *rtc.Publisher) (id string) {
	id = rand.Text() // 130 bits
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[id] = &session{path: path, publisher: p}
	go func() {
		<-p.Done()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.all, id)
	}()
	return id
}

// find is the session of that name, or nil.
func (s *sessions) find(path, id string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.all[id]; found != nil && found.path == path {
		return found
	}
	return nil
}
