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
	"net/url"
	"strings"
	"sync"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
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

// Peer is a publisher that has been let in.
type Peer struct {
	*rtc.Publisher
	id   string // for operators: it is not the session's address
	pass *access.Pass
	// Agent is what its HTTP client calls itself.
	Agent string
	// From is where its signalling came from.
	From netip.AddrPort
}

// Pass implements reception.Visitor.
func (p *Peer) Pass() *access.Pass { return p.pass }

// TurnAway implements reception.Visitor.
func (p *Peer) TurnAway() { p.End(errTaken) }

// session is the peer as others see it.
func (p *Peer) session() pipeline.Session {
	return pipeline.Session{ID: p.id, Protocol: leaf, Remote: p.From, Agent: access.Printable(p.Agent)}
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
	policy   access.Policy
	config   *Config
}

// serve answers requests for the endpoint and for its sessions.
func (e *endpoint) serve(w http.ResponseWriter, r *http.Request, path, name string) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Patch, Retry-After, WWW-Authenticate")
	_, id, isSession := strings.Cut(name, "/")
	allow := "OPTIONS, POST"
	if isSession {
		allow = "DELETE, OPTIONS, PATCH"
	}
	switch {
	case r.Method == http.MethodOptions:
		e.options(w, allow)
	case r.Method == http.MethodPost && (!isSession || r.Header.Get("Authorization") == ""):
		e.publish(w, r, path, id)
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

// publish answers an offer (RFC 9725 section 4.2). A client that has no headers shows
// its token as one more segment of the address, or in the query.
func (e *endpoint) publish(w http.ResponseWriter, r *http.Request, path, token string) {
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	ctx, cancel := context.WithTimeout(r.Context(), answerTime)
	defer cancel()
	peer := &Peer{id: rand.Text(), Agent: r.UserAgent(), From: from}
	if !e.admit(ctx, w, r, path, token, peer) {
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
	p, err := e.peers.Publish(ctx, offer, from.Addr())
	if err != nil {
		refuse(w, err)
		return
	}
	peer.Publisher = p
	answer, err := p.Answer()
	if err == nil {
		err = e.door.Enter(ctx, path, func(*pipeline.Announcement) error { return nil }, peer)
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
	h.Set("Location", "/"+path+"/"+leaf+"/"+id) // without what the client has shown
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

// admit gives the peer its pass, or says why it gets none.
func (e *endpoint) admit(ctx context.Context, w http.ResponseWriter, r *http.Request, path, token string, peer *Peer) bool {
	q := access.FromHTTP(r, access.Publish, leaf, path)
	q.Session, q.Keys = peer.id, e.config.keys()
	if token != "" { // in the address, as one in the query is
		q.Show(strings.TrimPrefix(q.Query.Reveal()+"&token="+url.PathEscape(token), "&"))
	}
	pass, no := access.Ask(ctx, e.policy, q)
	if no == nil {
		peer.pass = pass
		return true
	}
	text := no.Message
	if no.Why == access.Missing {
		text += " Send it as bearer token: Authorization: Bearer …"
	}
	status, title := no.Answer(w.Header())
	httpd.Problem(w, status, string(no.Why), title, text)
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
