package rest

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// Scope is what an operation needs its caller to be allowed to do.
type Scope string

// The scopes. Each of the first four includes those before it.
const (
	Read      Scope = "read"      // see streams, peers, recordings
	Operate   Scope = "operate"   // start and stop outputs and recordings, dismiss peers
	Configure Scope = "configure" // change the configuration
	Admin     Scope = "admin"     // users, tokens, keys
	// Open operations need no caller: signing in.
	Open Scope = ""
)

func order() []Scope { return []Scope{Read, Operate, Configure, Admin} }

// Includes says whether whoever has s may do what needs t.
func (s Scope) Includes(t Scope) bool {
	return t == Open || slices.Index(order(), s) >= slices.Index(order(), t) && s != Open
}

// Caller is who asks.
type Caller struct {
	// Name is for the log and for events: a user's, a token's.
	Name string
	// Scope is the most that the caller may.
	Scope Scope
	// Streams bounds it to paths, by patterns of package path; nil is no bound. Who is
	// bound may use operations on a stream only, and sees no other in lists.
	Streams []string
	Remote  netip.Addr
	// Over is closed when the credentials are withdrawn, nil if that cannot happen; Expires
	// is when they end, zero is never. What lasts ends with them.
	Over    <-chan struct{}
	Expires time.Time
}

// Sees says whether a stream is among the caller's.
func (c *Caller) Sees(stream string) bool {
	return c.Streams == nil || slices.ContainsFunc(c.Streams, func(p string) bool {
		ok, err := path.Match(p, stream)
		return ok && err == nil
	})
}

// Guard says who asks, or fails with a *Problem: 401 without good credentials, 403 for a
// request that a foreign page has made.
type Guard interface {
	Identify(r *http.Request) (*Caller, error)
}

const (
	bearer = "token"
	cookie = "session"
)

type callerKey struct{}

// CallerOf is who asks, in an operation that is not Open.
func CallerOf(ctx context.Context) *Caller {
	c, _ := ctx.Value(callerKey{}).(*Caller)
	return c
}

// Operation describes an operation: {stream} in url is the path of one.
func Operation(scope Scope, method, url, id, summary string) huma.Operation {
	op := huma.Operation{Method: method, Path: Root + url, OperationID: id, Summary: summary, MaxBodyBytes: 512 << 10, RejectUnknownQueryParameters: true}
	op.Tags = []string{strings.SplitN(strings.TrimPrefix(url, "/"), "/", 2)[0]}
	op.Errors = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusInternalServerError}
	if method != http.MethodGet && method != http.MethodDelete {
		op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if strings.Contains(url, "{") {
		op.Errors = append(op.Errors, http.StatusNotFound)
	}
	if scope != Open {
		op.Errors = append(op.Errors, http.StatusServiceUnavailable) // of those who know the caller
		op.Security = []map[string][]string{{bearer: {string(scope)}}, {cookie: {string(scope)}}}
	}
	return op
}

// admit lets those through who may do what the operation needs.
func (a *API) admit(guard Guard) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		op := ctx.Operation()
		if len(op.Security) == 0 {
			next(ctx)
			return
		}
		r, w := humago.Unwrap(ctx)
		caller, err := guard.Identify(r)
		if err == nil {
			err = caller.may(Scope(op.Security[0][bearer][0]), op.Path, ctx.Param("stream"))
		}
		if err != nil {
			deny(w, err)
			return
		}
		next(huma.WithValue(ctx, callerKey{}, caller))
	}
}

// deny answers why a caller is not let through.
func deny(w http.ResponseWriter, err error) {
	var p *Problem
	if !errors.As(err, &p) {
		p = Fail(http.StatusInternalServerError, "internal", "The server failed to answer. The log says why.")
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="weir"`)
	}
	p.write(w)
}

func (c *Caller) may(need Scope, url, stream string) error {
	switch {
	case !c.Scope.Includes(need):
		return Fail(http.StatusForbidden, "forbidden", "This needs the scope "+string(need)+"; the credentials have "+string(c.Scope)+".")
	case strings.Contains(url, "{stream}") && !c.Sees(stream):
		return Fail(http.StatusForbidden, "forbidden", "The credentials are for other streams.")
	case !strings.Contains(url, "{stream}") && c.Streams != nil && need != Read:
		return Fail(http.StatusForbidden, "forbidden", "The credentials are for single streams only.")
	default:
		return nil
	}
}
