package auth

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/auth/book"
	"weir/control/auth/password"
	"weir/control/rest"
)

// credentials are what somebody signs in with.
type credentials struct {
	User     string `json:"user" minLength:"1" maxLength:"128"`
	Password string `json:"password" minLength:"1" maxLength:"1024"`
}

// identity is who somebody is.
type identity struct {
	Name    string   `json:"name" doc:"user:ann, token:ci, jwt:…, or this machine."`
	Scope   string   `json:"scope" enum:"read,operate,configure,admin"`
	Streams []string `json:"streams,omitempty" doc:"The streams that he may see, by paths or patterns; left out, all."`
}

type signIn struct {
	visit
	Body credentials
}

type setUp struct {
	visit
	Body struct {
		User     string `json:"user" minLength:"1" maxLength:"128"`
		Password string `json:"password" minLength:"8" maxLength:"1024"`
		Token    string `json:"token" minLength:"1" maxLength:"128" doc:"What stands in the set-up link."`
	}
}

type signedIn struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      identity
}

type signedOut struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

func (a *Auth) registerSession(api *rest.API) {
	op := rest.Operation(rest.Open, http.MethodPost, "/session", "sign-in", "Sign in")
	op.Description = "Answers with the cookie of a session."
	op.Errors = append(op.Errors, http.StatusTooManyRequests)
	huma.Register(api, op, func(ctx context.Context, in *signIn) (*signedIn, error) {
		return a.signIn(ctx, &in.visit, in.Body)
	})
	huma.Register(api, rest.Operation(rest.Read, http.MethodGet, "/session", "get-session", "Say who is signed in"),
		func(ctx context.Context, _ *struct{}) (*struct{ Body identity }, error) {
			c := rest.CallerOf(ctx)
			return &struct{ Body identity }{identity{c.Name, string(c.Scope), c.Streams}}, nil
		})
	out := rest.Operation(rest.Open, http.MethodDelete, "/session", "sign-out", "Sign out")
	huma.Register(api, out, func(_ context.Context, in *visit) (*signedOut, error) {
		if _, err := a.come(in); err != nil {
			return nil, err
		}
		if c, err := in.request.Cookie(Cookie); err == nil {
			a.sessions.end(c.Value)
			a.changed()
		}
		return &signedOut{a.setCookie(in, "", time.Time{})}, nil
	})
	first := rest.Operation(rest.Open, http.MethodPost, "/setup", "set-up", "Make the first user")
	first.Description = "Takes the token of the link that the server has printed when it started, once."
	first.Errors = append(first.Errors, http.StatusConflict, http.StatusTooManyRequests)
	huma.Register(api, first, a.setUp)
}

// slow is what those are told who try too often.
func slow() error {
	return rest.Fail(http.StatusTooManyRequests, "too_many_attempts", "Too many attempts. Wait a minute.")
}

// signIn checks a password: for an unknown user it takes as long, and says the same.
func (a *Auth) signIn(ctx context.Context, v *visit, c credentials) (*signedIn, error) {
	who, err := a.come(v)
	if err != nil {
		return nil, err
	}
	at := network(who.ip)
	if !a.logins.take(at) {
		return nil, slow()
	}
	if !a.accounts.take(c.User) {
		return nil, slow()
	}
	u := a.index.Load().users[c.User]
	hash := ""
	if u != nil {
		hash = u.Hash
	}
	ok, err := a.hasher.Matches(ctx, hash, c.Password)
	if err != nil {
		return nil, slow()
	}
	if !ok || u == nil {
		a.log.Warn("somebody could not sign in", "remote", who.ip.String())
		return nil, rest.Fail(http.StatusUnauthorized, "credentials_wrong", "The user or the password is wrong.")
	}
	a.logins.give(at)
	a.accounts.give(c.User)
	return a.admit(v, u), nil
}

// admit begins a user's session.
func (a *Auth) admit(v *visit, u *book.User) *signedIn {
	secret, expires := a.sessions.begin(u)
	return &signedIn{a.setCookie(v, secret, expires), identity{"user:" + u.Name, u.Scope, bound(u.Streams)}}
}

// setUp makes the first user, an admin, and signs him in.
func (a *Auth) setUp(ctx context.Context, in *setUp) (*signedIn, error) {
	who, err := a.come(&in.visit)
	if err != nil {
		return nil, err
	}
	if !a.logins.take(network(who.ip)) {
		return nil, slow()
	}
	a.setup.mu.Lock() // there is one first user
	defer a.setup.mu.Unlock()
	if !a.SetupNeeded() {
		return nil, rest.Fail(http.StatusConflict, "set_up_already", "The server has been set up. Sign in.")
	}
	if !a.setup.matches(in.Body.Token) {
		return nil, rest.Fail(http.StatusUnauthorized, "credentials_wrong", "The set-up link is not that of this run of the server: see its output.")
	}
	u, err := a.newUser(ctx, in.Body.User, in.Body.Password, rest.Admin, nil)
	if err != nil {
		return nil, err
	}
	err = a.update(func(b *book.Book) error {
		if len(b.Users) > 0 {
			return rest.Fail(http.StatusConflict, "set_up_already", "The server has been set up. Sign in.")
		}
		b.Users = append(b.Users, *u)
		return nil
	})
	if err != nil {
		return nil, a.failed(err)
	}
	a.logins.give(network(who.ip))
	a.log.Info("the server is set up", "user", u.Name, "remote", who.ip.String())
	return a.admit(&in.visit, u), nil
}

// newUser checks and hashes.
func (a *Auth) newUser(ctx context.Context, name, secret string, scope rest.Scope, streams []string) (*book.User, error) {
	if err := password.Check(secret); err != nil {
		return nil, invalid(err)
	}
	if err := book.CheckName(name); err != nil {
		return nil, invalid(err)
	}
	hash, err := a.hasher.Hash(ctx, secret)
	if err != nil {
		return nil, slow()
	}
	return &book.User{Name: name, Hash: hash, Scope: string(scope), Streams: streams, Created: now()}, nil
}
