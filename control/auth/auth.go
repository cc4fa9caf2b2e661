package auth

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"weir/control/auth/book"
	"weir/control/auth/hook"
	"weir/control/auth/jwt"
	"weir/control/auth/password"
	"weir/control/rest"
	"weir/pipeline"
	"weir/pipeline/config"
	"weir/pipeline/service/outgoing"
)

// Options are what an Auth stands on. Store must be set.
type Options struct {
	Settings config.Access
	Store    *book.Store
	Log      *slog.Logger
	// Dial connects to the operator's own service and to the issuer of JWTs.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Peers lists who is served now, for quotas; nil is nobody.
	Peers func() []Peer
}

// Peer is a session at a door, and the stream that it is at.
type Peer struct {
	pipeline.Session
	Path      string
	Publisher bool
}

// Auth is the policy. Use [New]; all methods may be called concurrently.
type Auth struct {
	settings config.Access
	store    *book.Store
	log      *slog.Logger
	lists    lists
	hasher   *password.Hasher
	logins   *brake // by address
	accounts *brake // by user
	doors    *brake // by address, for what is shown at doors
	sessions *sessions
	setup    *setup
	jwt      *jwt.Config // nil without
	hook     *hook.Hook  // nil without
	quotas   *quotas
	overs    overs
	index    atomic.Pointer[index]
	once     rest.Once

	mu   sync.Mutex // guards used
	used map[string]time.Time
}

// hashesAtOnce bounds how many passwords are computed at a time: 19 MiB each.
const hashesAtOnce = 2

// New makes an Auth.
func New(o Options) (*Auth, error) {
	a := &Auth{
		settings: o.Settings, store: o.Store, log: o.Log,
		hasher:   password.NewHasher(hashesAtOnce),
		logins:   newBrake(10, 10*time.Second),
		accounts: newBrake(20, 10*time.Second),
		doors:    newBrake(30, 2*time.Second),
		sessions: newSessions(o.Settings.SessionIdle, o.Settings.SessionMost),
		used:     make(map[string]time.Time),
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if a.lists, err = newLists(o.Settings); err != nil {
		return nil, err
	}
	if a.jwt, err = newJWT(o); err != nil {
		return nil, err
	}
	if h := o.Settings.Hook; !h.URL.Empty() {
		a.hook = hook.New(hook.Config{URL: h.URL.Reveal(), Form: h.Form, Timeout: h.Timeout, Cache: h.Cache, Dial: o.Dial})
	}
	a.quotas = newQuotas(o.Settings.Quotas, o.Peers)
	a.setup = newSetup()
	a.reindex()
	return a, nil
}

// newLists reads the networks.
func newLists(s config.Access) (l lists, err error) {
	for _, part := range []struct {
		texts []string
		into  *[]netip.Prefix
	}{{s.Allow, &l.allow}, {s.Deny, &l.deny}, {s.Proxies, &l.proxies}, {s.Metrics, &l.metrics}} {
		if *part.into, err = outgoing.ParseAllow(part.texts); err != nil {
			return l, fmt.Errorf("server.access: %w", err)
		}
	}
	return l, nil
}

func newJWT(o Options) (*jwt.Config, error) {
	j := o.Settings.JWT
	if !j.On() {
		return nil, nil
	}
	c := &jwt.Config{Audience: j.Audience, Issuer: j.Issuer, Leeway: j.Leeway}
	var err error
	switch {
	case j.File != "":
		c.Keys = jwt.NewKeys(func(context.Context) ([]byte, error) { return config.ReadSecret(j.File) }, true)
	case !j.URL.Empty():
		c.Keys = jwt.NewKeys(fetch(j.URL.Reveal(), o.Dial), false)
	default:
		c.Keys, err = jwt.Secret(j.Secret.Reveal())
	}
	return c, err
}

// How often the state file is looked at, and what was used is written into it.
const (
	lookEvery  = time.Second
	touchEvery = 5 * time.Minute
)

// Run keeps up with the state file and with what expires, until ctx ends.
func (a *Auth) Run(ctx context.Context) {
	look, touch := time.NewTicker(lookEvery), time.NewTicker(touchEvery)
	defer look.Stop()
	defer touch.Stop()
	defer func() {
		a.touch()
		if a.hook != nil {
			a.hook.Close()
		}
	}()
	for {
		select {
		case <-look.C:
			if changed, err := a.store.Refresh(); err != nil {
				a.log.Error("the access file is not good, so what was known before stays in force", "err", err)
			} else if changed {
				a.log.Info("the access file has changed")
				a.changed()
			}
			a.sweep(time.Now())
		case <-touch.C:
			a.touch()
		case <-ctx.Done():
			return
		}
	}
}

// changed brings what the book says now into force.
func (a *Auth) changed() {
	a.reindex()
	a.sweep(time.Now())
}

// update changes the book.
func (a *Auth) update(change func(*book.Book) error) error {
	if err := a.store.Update(change); err != nil {
		return err //nolint:wrapcheck // it says what failed, or is the caller's
	}
	a.changed()
	return nil
}

// use notes that a token or a key was good.
func (a *Auth) use(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used[id] = time.Now().Truncate(time.Second)
}

// lastUsed is when a token or key was good, as known here and in the book.
func (a *Auth) lastUsed(b *book.Book, id string) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if at := a.used[id]; at.After(b.LastUsed(id)) {
		return at
	}
	return b.LastUsed(id)
}

// touch writes down what was used.
func (a *Auth) touch() {
	a.mu.Lock()
	used := a.used
	a.used = make(map[string]time.Time)
	a.mu.Unlock()
	if len(used) == 0 {
		return
	}
	if err := a.store.Update(func(b *book.Book) error { b.Touch(used); return nil }); err != nil && !os.IsNotExist(err) {
		a.log.Warn("when tokens and keys were used could not be written down", "err", err)
	}
}
