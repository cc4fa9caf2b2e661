package auth

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"weir/control/rest"
)

// visit is the part of a request's input that says how it came.
type visit struct {
	request *http.Request
}

// Resolve implements huma.Resolver.
func (v *visit) Resolve(ctx huma.Context) []error {
	v.request, _ = humago.Unwrap(ctx)
	return nil
}

// come checks a request that needs no caller: its address, and that no foreign page has
// made it.
func (a *Auth) come(v *visit) (peer, error) {
	who := a.lists.visitor(v.request)
	if !a.lists.admits(who.ip) {
		return who, rest.Fail(http.StatusForbidden, "address_denied", "The server does not take requests from this address.")
	}
	if err := new(http.CrossOriginProtection).Check(v.request); err != nil {
		return who, rest.Fail(http.StatusForbidden, "cross_origin", "A page of another site has made this request.")
	}
	return who, nil
}

// setCookie is the cookie of a session. SameSite keeps it from all requests that other
// sites make.
func (a *Auth) setCookie(v *visit, secret string, expires time.Time) http.Cookie {
	c := http.Cookie{
		Name: Cookie, Value: secret, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: a.lists.secure(v.request),
	}
	if secret == "" {
		c.MaxAge = -1
	} else {
		c.MaxAge = int(time.Until(expires).Seconds())
	}
	return c
}

// by notes who has changed something.
func (a *Auth) by(ctx context.Context, what string, args ...any) {
	name := "nobody yet"
	if c := rest.CallerOf(ctx); c != nil {
		name = c.Name
	}
	a.log.Info(what, append(args, "by", name)...)
}

// Register adds the operations of this package to the API.
func (a *Auth) Register(api *rest.API) {
	a.registerSession(api)
	a.registerUsers(api)
	a.registerTokens(api)
	a.registerKeys(api)
	a.registerLinks(api)
}

type nothing struct{}

// none is the answer without a body.
func none() *nothing { return new(nothing) }

func notFound(what string) error {
	return rest.Fail(http.StatusNotFound, "not_found", "There is no such "+what+".")
}

// invalid is what a change of the book has failed with: the caller's fault, if the book
// says so.
func invalid(err error) error {
	if err == nil {
		return nil
	}
	return rest.Fail(http.StatusUnprocessableEntity, "invalid_request", err.Error())
}
