package hls

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/service/httpd"
)

const (
	indexLeaf   = "index.m3u8"
	playlistExt = ".m3u8"

	// startWait is how long a request waits for a stream's first playlist.
	startWait = 10 * time.Second
	// patience is how many target durations a request may wait for a part.
	patience = 3
)

// desk answers the requests for the streams of one definition.
type desk struct {
	registry *registry
	holds    *holds
	policy   access.Policy // a cache
	when     pipeline.When
	wake     func(path string) error
}

// leaves are the names that a desk answers to.
func leaves() []string {
	return []string{"*" + playlistExt, "*" + initExt, "*" + chunkExt, "*" + tsExt}
}

func (d *desk) serve(w http.ResponseWriter, r *http.Request, path, leaf string) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Content-Length,Content-Range,Date,WWW-Authenticate")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Range")
		h.Set("Access-Control-Max-Age", "86400")
		h.Set("Allow", "GET, HEAD, OPTIONS")
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		httpd.Problem(w, http.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed", "Streams can only be read.")
		return
	}
	if err := d.answer(w, r, path, leaf); err != nil {
		problem(w, err)
	}
}

// answer answers whoever may watch, and tells nobody else what there is.
func (d *desk) answer(w http.ResponseWriter, r *http.Request, path, leaf string) (err error) {
	a := &wait{desk: d, r: r}
	if a.guest, err = d.admit(w, r, path, leaf); err != nil {
		return err
	}
	defer a.done()
	switch {
	case leaf == indexLeaf:
		err = d.index(w, a, path)
	case strings.HasSuffix(leaf, playlistExt):
		err = d.playlist(w, a, path, strings.TrimSuffix(leaf, playlistExt))
	default:
		err = d.resource(w, a, path, leaf)
	}
	if err == nil && a.viewer != nil && r.Method == http.MethodGet {
		n, _ := strconv.ParseUint(w.Header().Get("Content-Length"), 10, 64)
		a.viewer.bytes.Add(n)
	}
	return err
}

// The reasons for not answering.
var (
	errOffline  = errors.New("there is no stream at this address at present")
	errNotHere  = errors.New("the stream has nothing of this name, or has it no longer")
	errFar      = errors.New("the request is too far ahead of the stream")
	errTimeout  = errors.New("the stream has not gone on in time")
	errClient   = errors.New("too many requests of this client are waiting")
	errCrowded  = errors.New("too many requests are waiting")
	errCanceled = errors.New("the client has gone")
)

// dismissed is what a viewer is told who was sent away.
type dismissed struct{ why string }

// Error implements error.
func (d *dismissed) Error() string { return d.why }

func problem(w http.ResponseWriter, err error) {
	var no *access.Refusal
	if errors.As(err, &no) {
		status, title := no.Answer(w.Header())
		httpd.Problem(w, status, string(no.Why), title, no.Message)
		return
	}
	var away *dismissed
	status, code, title, retry := http.StatusNotFound, "not_found", "Not found", 0
	switch {
	case errors.Is(err, errOffline):
		code, title, retry = "stream_offline", "The stream is offline", 2
	case errors.Is(err, errFar), errors.Is(err, errDirective):
		status, code, title = http.StatusBadRequest, "bad_request", "Bad request"
	case errors.Is(err, errTimeout):
		status, code, title, retry = http.StatusServiceUnavailable, "stream_stalled", "The stream has stalled", 1
	case errors.Is(err, errClient):
		status, code, title, retry = http.StatusTooManyRequests, "too_many_waiting", "Too many requests", 1
	case errors.Is(err, errCrowded):
		status, code, title, retry = http.StatusServiceUnavailable, "overloaded", "Overloaded", 2
	case errors.As(err, &away):
		status, code, title, retry = http.StatusForbidden, "dismissed", "Dismissed", int(bannedFor.Seconds())
	case errors.Is(err, errCanceled), errors.Is(err, context.Canceled):
		return // nobody is there to read it
	}
	if retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(retry))
	}
	httpd.Problem(w, status, code, title, err.Error())
}

// wait is one request, and its right to wait, which it claims when it needs it.
type wait struct {
	desk    *desk
	r       *http.Request
	guest   guest
	viewer  *viewer // once the stream is found; nil if it cannot be told from others
	timer   *time.Timer
	release func()
}

// on waits until one of the channels is closed, for up to limit from the first call.
func (a *wait) on(rend *rendition, limit time.Duration, one, other <-chan struct{}) error {
	if a.release == nil {
		release, no := a.desk.holds.acquire(a.r.RemoteAddr, rend)
		switch no {
		case tooManyOfClient:
			return errClient
		case tooManyAtAll:
			return errCrowded
		case admitted:
		}
		a.timer, a.release = time.NewTimer(limit), release
	}
	select {
	case <-one:
	case <-other:
	case <-a.r.Context().Done():
		return errCanceled
	case <-a.timer.C:
		return errTimeout
	}
	if no := a.guest.pass.Ended(time.Now()); no != nil {
		return no
	}
	return nil
}

// note counts the request's sender at a stream.
func (a *wait) note(st *store) (err error) {
	a.viewer, err = st.seen.note(&a.guest)
	return err
}

func (a *wait) done() {
	if a.release != nil {
		a.timer.Stop()
		a.release()
	}
}

// index answers with the multivariant playlist, waiting for the first one.
func (d *desk) index(w http.ResponseWriter, a *wait, path string) error {
	woken, err := d.wakeUp(path)
	if err != nil {
		return err
	}
	for {
		st, changed := d.registry.find(path)
		if st == nil && !woken {
			return errOffline
		}
		var first <-chan struct{}
		if st != nil {
			if err := a.note(st); err != nil {
				return err
			}
			if b := st.indexBody(); b != nil {
				sendPlaylist(w, a, b, indexCaching)
				return nil
			}
			changed, first = st.awaitIndex()
		}
		if err := a.on(nil, startWait, changed, first); err != nil {
			return started(err)
		}
	}
}

// wakeUp starts an instance that runs on demand and does not run.
func (d *desk) wakeUp(path string) (woken bool, err error) {
	if d.when != pipeline.Demanded {
		return false, nil
	}
	if st, _ := d.registry.find(path); st != nil && !st.ended() {
		return false, nil
	}
	if err := d.wake(path); err != nil {
		return false, errOffline
	}
	return true, nil
}

// started turns a timeout before the first playlist into an offline stream.
func started(err error) error {
	if errors.Is(err, errTimeout) {
		return errOffline
	}
	return err
}

// playlist answers with a media playlist that has what the request asks for.
func (d *desk) playlist(w http.ResponseWriter, a *wait, path, name string) error {
	q, err := parseQuery(a.r.URL.RawQuery)
	if err != nil {
		return err
	}
	for {
		st, _ := d.registry.find(path)
		if st == nil {
			return errOffline
		}
		if err := a.note(st); err != nil {
			return err
		}
		c := st.shelf.Load()
		rend := st.find(name)
		if rend == nil && len(c.renditions) > 0 {
			return errNotHere
		}
		if rend == nil {
			if err := a.on(nil, startWait, c.next, nil); err != nil {
				return started(err)
			}
			continue
		}
		s := rend.load()
		limit := startWait
		if s.ready() {
			switch s.holds(q) {
			case there:
				sendPlaylist(w, a, s.playlist(q.skip), mediaCaching(s, q))
				return nil
			case far:
				return errFar
			case soon:
			}
			limit = patience * time.Duration(s.shape.target) * time.Second
		}
		if err := a.on(rend, limit, s.next, nil); err != nil {
			return err
		}
	}
}

// resource answers with an init section, a segment or a part. A part that is about
// to be made is waited for.
func (d *desk) resource(w http.ResponseWriter, a *wait, path, leaf string) error {
	n, ok := parseLeaf(leaf)
	for {
		st, _ := d.registry.find(path)
		if st == nil {
			return errOffline
		}
		if !ok {
			return errNotHere
		}
		if err := a.note(st); err != nil {
			return err
		}
		rend := st.find(n.rendition)
		if rend == nil {
			return errNotHere
		}
		s := rend.load()
		switch f := s.resource(n, leaf); {
		case f.content != nil:
			send(w, a.r, leaf, f.content)
			return nil
		case f.file != "":
			return sendFile(w, a.r, leaf, st.archive)
		case !f.due:
			return errNotHere
		}
		limit := startWait
		if s.shape != nil {
			limit = patience * time.Duration(s.shape.target) * time.Second
		}
		if err := a.on(rend, limit, s.next, nil); err != nil {
			return err
		}
	}
}
