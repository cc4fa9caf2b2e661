package whip

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"weir/pipeline/service/httpd"
	"weir/pipeline/service/rtc"
)

// errDeleted is the end that a publisher asks for.
var errDeleted = errors.New("the publisher has ended its session")

// remove ends a session (RFC 9725 section 4.2). One that is gone has been ended.
func (e *endpoint) remove(w http.ResponseWriter, path, id string) {
	if s := e.sessions.find(path, id); s != nil {
		s.publisher.End(errDeleted)
	}
	w.WriteHeader(http.StatusOK)
}

// patch adds candidates to a session or restarts its ICE (RFC 9725 section 4.3).
func (e *endpoint) patch(w http.ResponseWriter, r *http.Request, path, id string) {
	s := e.sessions.find(path, id)
	if s == nil {
		httpd.Problem(w, http.StatusNotFound, "no_session", "Not found", "There is no such session, or it has ended.")
		return
	}
	if !e.sessions.mayPatch(s) {
		w.Header().Set("Retry-After", busyRetry)
		httpd.Problem(w, http.StatusTooManyRequests, "too_many_patches", "Too many requests",
			"The session has been changed too often. Publish anew.")
		return
	}
	body, ok := read(w, r, mimeFragment)
	if !ok {
		return
	}
	match := strings.TrimSpace(r.Header.Get("If-Match"))
	switch match {
	case "":
		httpd.Problem(w, http.StatusPreconditionRequired, "etag_missing", "Precondition required",
			"Send the session's ETag as If-Match, or * to restart ICE.")
		return
	case "*", etag(s.publisher):
	default:
		httpd.Problem(w, http.StatusPreconditionFailed, "etag_mismatch", "Precondition failed",
			"ICE has been restarted since that ETag.")
		return
	}
	f, err := rtc.ParseFragment(body)
	if err != nil {
		refuse(w, err)
		return
	}
	if match == "*" {
		e.restart(w, r, s.publisher, f)
		return
	}
	if err := s.publisher.Trickle(f); err != nil {
		refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// restart restarts ICE. Some clients send candidates as if they wanted that.
func (e *endpoint) restart(w http.ResponseWriter, r *http.Request, p *rtc.Publisher, f *rtc.Fragment) {
	ctx, cancel := context.WithTimeout(r.Context(), answerTime)
	defer cancel()
	answer, err := p.Restart(ctx, f)
	switch {
	case err != nil:
		refuse(w, err)
	case answer == "":
		w.WriteHeader(http.StatusNoContent)
	default:
		h := w.Header()
		h.Set("Content-Type", mimeFragment)
		h.Set("ETag", etag(p))
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, answer)
	}
}

// mayPatch counts a change of a session and says whether it may be made.
func (s *sessions) mayPatch(one *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.patches++
	return one.patches <= maxPatches
}
