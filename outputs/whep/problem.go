package whep

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"weir/outputs/whep/negotiate"
	"weir/pipeline/access"
	"weir/pipeline/media"
	"weir/pipeline/service/httpd"
	"weir/pipeline/service/rtc/egress"
)

// refusal is why a request is not served.
type refusal struct {
	status            int
	code, title, text string
	retry             int // seconds; 0 is no use
}

func (e *refusal) Error() string { return e.text }

// The refusals.
var (
	errOffline      = &refusal{http.StatusNotFound, "stream_offline", "The stream is offline", "There is no stream at this address at present.", 2}
	errNoSession    = &refusal{http.StatusNotFound, "no_session", "No such session", "The session has ended, or there was none.", 0}
	errMethod       = &refusal{http.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed", "POST an offer to …/whep; PATCH or DELETE the session that it answers with.", 0}
	errType         = &refusal{http.StatusUnsupportedMediaType, "unsupported_type", "Unsupported media type", "Offers are application/sdp, fragments application/trickle-ice-sdpfrag, choices application/json.", 0}
	errLarge        = &refusal{http.StatusRequestEntityTooLarge, "too_large", "Too large", "An offer has at most 64 KiB.", 0}
	errBody         = &refusal{http.StatusBadRequest, "bad_request", "Bad request", "The body cannot be read.", 0}
	errLayer        = &refusal{http.StatusBadRequest, "unknown_layer", "Unknown layer", "The stream has no layer of that name.", 0}
	errPrecondition = &refusal{http.StatusPreconditionRequired, "precondition_required", "Precondition required", "Send the session's ETag as If-Match.", 0}
	errMismatch     = &refusal{http.StatusPreconditionFailed, "precondition_failed", "Precondition failed", "The session's ETag is another one.", 0}
	errDisabled     = &refusal{http.StatusServiceUnavailable, "webrtc_off", "WebRTC is off", "This server's WebRTC ports are turned off.", 0}
	errPatches      = &refusal{http.StatusTooManyRequests, "too_many_patches", "Too many requests", "A session takes 20 fragments.", 60}
)

// noCodec says that nothing of a stream can be sent to a viewer.
type noCodec struct {
	offered []string
	tracks  []*media.Track
	// reordered: some of it has B-frames.
	reordered bool
}

func (e *noCodec) Error() string {
	var has []string
	for _, t := range e.tracks {
		if name := t.Codec.String(); !slices.Contains(has, name) {
			has = append(has, name)
		}
	}
	if e.reordered {
		return "The stream's video has B-frames, which WebRTC cannot carry: turn them off in the encoder, or watch by HLS."
	}
	return fmt.Sprintf("The stream has %s; the offer's %s takes none of it.", strings.Join(has, " and "), strings.Join(e.offered, " and "))
}

// problem answers with an error.
func problem(w http.ResponseWriter, err error) {
	r := &refusal{status: http.StatusInternalServerError, code: "internal", title: "Internal error", text: "The server has failed."}
	var none *noCodec
	var no *access.Refusal
	switch {
	case errors.As(err, &no):
		status, title := no.Answer(w.Header())
		r = &refusal{status, string(no.Why), title, no.Message, 0}
	case errors.As(err, &r):
	case errors.As(err, &none):
		r = &refusal{http.StatusNotAcceptable, "no_common_codec", "No common codec", err.Error(), 0}
	case errors.Is(err, negotiate.ErrMalformed):
		r = &refusal{http.StatusBadRequest, "malformed_sdp", "Malformed SDP", err.Error(), 0}
	case errors.Is(err, negotiate.ErrUnsupported):
		r = &refusal{http.StatusUnprocessableEntity, "unsupported_offer", "Unsupported offer", err.Error(), 0}
	case errors.Is(err, egress.ErrBusy), errors.Is(err, errFull), errors.Is(err, errOverloaded):
		r = &refusal{http.StatusServiceUnavailable, "overloaded", "Overloaded", err.Error(), 5}
	case errors.Is(err, errEnded):
		r = errOffline
	}
	if r.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(r.retry))
	}
	httpd.Problem(w, r.status, r.code, r.title, r.text)
}
