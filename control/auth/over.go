package auth

import (
	"strings"
	"sync"
	"time"
)

// overs has for each credential that somebody has come with the channel that is closed
// when it is withdrawn. Credentials are named by their kind and what names them:
// "token abc", "user ann's mark".
type overs struct {
	mu   sync.Mutex // guards open
	open map[string]chan struct{}
}

// of is the channel of a credential.
func (o *overs) of(kind, id string) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open == nil {
		o.open = make(map[string]chan struct{})
	}
	name := kind + " " + id
	if o.open[name] == nil {
		o.open[name] = make(chan struct{})
	}
	return o.open[name]
}

// sweep closes the channels of those credentials that are good no more.
func (o *overs) sweep(good func(kind, id string) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for name, c := range o.open {
		kind, id, _ := strings.Cut(name, " ")
		if !good(kind, id) {
			close(c)
			delete(o.open, name)
		}
	}
}

// sweep ends what rests on credentials that are good no more.
func (a *Auth) sweep(now time.Time) {
	x := a.index.Load()
	marks := make(map[string]bool, len(x.users))
	for _, u := range x.users {
		marks[mark(u)] = true
	}
	a.sessions.sweep(now, marks)
	a.overs.sweep(func(kind, id string) bool {
		switch kind {
		case "token":
			t := x.Token(id)
			return t != nil && !t.Over(now)
		case "key":
			k := x.Key(id)
			return k != nil && k.Valid(now)
		case "signer":
			return x.Signer(id) != nil
		default: // a session
			return a.sessions.alive(id)
		}
	})
}
