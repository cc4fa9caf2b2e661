package access

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"weir/pipeline"
)

// Action is what somebody wants to do to a stream.
type Action string

// The actions.
const (
	Publish Action = "publish"
	Play    Action = "play"
)

// Request is somebody at a door. What comes from the peer is bounded by the door before
// it is put in here.
type Request struct {
	Action Action
	// Path is the stream: "live/studio".
	Path string
	// Protocol is what the door speaks: rtmp, rtmps, whip, whep, hls.
	Protocol string
	// Remote is where the peer is; Agent what it calls itself, Session what the door
	// calls it, both for the log and for whoever else is asked.
	Remote         netip.Addr
	Agent, Session string
	// User and Password, Token (a bearer token, or the key of an RTMP publisher) and Query
	// (raw) are what the peer shows. Each may be empty.
	User            string
	Password, Token pipeline.Secret
	Query           pipeline.Secret
	// Cookie is the Cookie header. A door leaves it out of what may change something and
	// comes from a page of another origin (http.CrossOriginProtection).
	Cookie pipeline.Secret
	// Forwarded is the X-Forwarded-For header, to be believed only if Remote is a proxy
	// that is known. What it says takes trust in Remote away in any case.
	Forwarded string
	// Keys are the publish keys that the pipeline itself declares.
	Keys []pipeline.Secret
}

// Pass is the permission that was asked for.
type Pass struct {
	// Subject is whose permission it is, in the operator's words: a token's name, a user;
	// "" if whoever comes has it. A publisher with a Subject is taken over by publishers
	// with the same one only.
	Subject string
	// Expires is when it ends; zero is never.
	Expires time.Time
	// Over is closed when it is withdrawn before; nil if that cannot happen. A session
	// ends with its pass.
	Over <-chan struct{}
}

// Heir says whether a publisher with the pass next may take over from one with p.
func (p *Pass) Heir(next *Pass) bool {
	return p == nil || p.Subject == "" || next != nil && next.Subject == p.Subject
}

// Policy answers. Allow is called from any goroutine, may take as long as ctx, and fails
// with a *[Refusal].
type Policy interface {
	Allow(ctx context.Context, r Request) (*Pass, error)
}

// Why is the kind of a refusal, a word for programs.
type Why string

// The kinds of refusals.
const (
	Missing     Why = "credentials_missing"
	Wrong       Why = "credentials_wrong"
	Expired     Why = "credentials_expired"
	Forbidden   Why = "forbidden"   // the credentials are good, but not for this
	Limited     Why = "limited"     // a quota or a rate
	Unavailable Why = "unavailable" // whoever decides did not answer
)

// Refusal says why not. Message is a sentence for the peer, which says what to do and
// gives nothing away.
type Refusal struct {
	Why     Why
	Message string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Message }

// Refuse makes a Refusal.
func Refuse(why Why, format string, args ...any) *Refusal {
	return &Refusal{why, fmt.Sprintf(format, args...)}
}
