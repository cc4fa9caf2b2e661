package auth

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"weir/control/auth/book"
	"weir/control/auth/jwt"
	"weir/control/rest"
)

// Identify implements rest.Guard: by a bearer token or JWT, else by the cookie of a
// session, else as this machine.
func (a *Auth) Identify(r *http.Request) (*rest.Caller, error) {
	who := a.lists.visitor(r)
	if !a.lists.admits(who.ip) {
		return nil, rest.Fail(http.StatusForbidden, "address_denied", "The server does not take requests from this address.")
	}
	caller, err := a.identify(r, who)
	if err != nil {
		return nil, err
	}
	caller.Remote = who.ip
	return caller, nil
}

func (a *Auth) identify(r *http.Request, who peer) (*rest.Caller, error) {
	if r.Header.Get("Authorization") != "" {
		return a.bearer(r)
	}
	// What follows is shown by a browser on its own, whatever page makes it.
	if err := new(http.CrossOriginProtection).Check(r); err != nil {
		return nil, rest.Fail(http.StatusForbidden, "cross_origin", "A page of another site has made this request.")
	}
	if c, err := r.Cookie(Cookie); err == nil {
		if id, u := a.signedIn(c.Value); u != nil {
			return &rest.Caller{Name: "user:" + u.Name, Scope: rest.Scope(u.Scope), Streams: bound(u.Streams), Over: a.overs.of("session", id)}, nil
		}
	}
	if a.trusts(who) {
		return &rest.Caller{Name: thisMachine, Scope: rest.Admin}, nil
	}
	if a.SetupNeeded() {
		return nil, rest.Fail(http.StatusUnauthorized, "setup_needed", "The server has no user yet: open the set-up link that it has printed.")
	}
	return nil, rest.Fail(http.StatusUnauthorized, "credentials_missing", "Sign in, or send a token: Authorization: Bearer …")
}

// thisMachine is what callers and peers of this machine are called who show nothing.
const thisMachine = "this machine"

// trusts says whether somebody may operate the server who shows nothing.
func (a *Auth) trusts(who peer) bool {
	return who.local && (a.settings.Loopback == "admin" || a.settings.Loopback == "auto" && a.SetupNeeded())
}

// signedIn is the user whose session a cookie is, as he is now; nil if it is nobody's.
func (a *Auth) signedIn(secret string) (id string, u *book.User) {
	id, s, ok := a.sessions.find(secret)
	if !ok {
		return "", nil
	}
	if u = a.index.Load().users[s.user]; u == nil || mark(u) != s.mark {
		return "", nil
	}
	return id, u
}

// bearer reads RFC 6750.
func (a *Auth) bearer(r *http.Request) (*rest.Caller, error) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	secret = strings.TrimSpace(secret)
	wrong := rest.Fail(http.StatusUnauthorized, "credentials_wrong", "The token is not known here.")
	if !strings.EqualFold(scheme, "Bearer") || len(r.Header.Values("Authorization")) > 1 {
		return nil, wrong
	}
	if strings.HasPrefix(secret, book.TokenPrefix) {
		t, why := a.token(secret)
		switch {
		case t == nil:
			return nil, wrong
		case why != nil:
			return nil, rest.Fail(http.StatusUnauthorized, string(why.Why), why.Message)
		}
		return limitTo(&rest.Caller{Name: "token:" + t.Name, Streams: bound(t.Streams), Over: a.overs.of("token", t.ID), Expires: t.Expires}, t.Scopes), nil
	}
	if a.jwt == nil {
		return nil, wrong
	}
	said, err := a.jwt.Verify(r.Context(), secret)
	switch {
	case errors.Is(err, jwt.ErrExpired):
		return nil, rest.Fail(http.StatusUnauthorized, "credentials_expired", "The token has expired.")
	case errors.Is(err, jwt.ErrUnavailable):
		a.log.Warn("tokens cannot be checked", "err", err)
		return nil, rest.Fail(http.StatusServiceUnavailable, "credentials_unavailable", "The token cannot be checked now. Try again.")
	case err != nil:
		return nil, wrong
	}
	return limitTo(&rest.Caller{Name: "jwt:" + said.Subject, Streams: claimed(said.Streams), Expires: said.Expires}, said.Actions), nil
}

// claimed are the streams of a JWT: without any it is for none.
func claimed(patterns []string) []string {
	if len(patterns) == 0 {
		return []string{}
	}
	return bound(patterns)
}

// limitTo gives a caller the widest of the scopes that are of the API. Without one he is
// known and may do nothing.
func limitTo(c *rest.Caller, scopes []string) *rest.Caller {
	for _, s := range scopes {
		if book.IsScope(s) && (c.Scope == rest.Open || rest.Scope(s).Includes(c.Scope)) {
			c.Scope = rest.Scope(s)
		}
	}
	return c
}

// bound is how a caller's streams are said: nil is no bound, and so is an empty list of a
// user or a token.
func bound(patterns []string) []string {
	if len(patterns) == 0 || slices.Contains(patterns, book.All) {
		return nil
	}
	return patterns
}
