package auth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"weir/control/auth/book"
	"weir/control/auth/hook"
	"weir/control/auth/jwt"
	"weir/control/auth/link"
	"weir/pipeline/access"
)

// foreignToken decides by a JWT.
func (a *Auth) foreignToken(ctx context.Context, r *access.Request, text string) verdict {
	if a.jwt == nil || strings.Count(text, ".") != 2 {
		return verdict{}
	}
	said, err := a.jwt.Verify(ctx, text)
	switch {
	case errors.Is(err, jwt.ErrNone):
		return verdict{}
	case errors.Is(err, jwt.ErrExpired):
		return final(access.Expired, "The token has expired.")
	case errors.Is(err, jwt.ErrUnavailable):
		a.log.Warn("tokens cannot be checked", "err", err)
		return final(access.Unavailable, "The token cannot be checked now. Try again.")
	case err != nil:
		return final(access.Wrong, "The token is wrong.")
	case !slices.Contains(said.Actions, string(r.Action)):
		return final(access.Forbidden, "The token is not for this.")
	case !book.Matches(said.Streams, r.Path):
		return final(access.Forbidden, "The token is for other streams.")
	case r.Action == access.Play && inURL(r, text) && time.Until(said.Expires) > longestInURL:
		return final(access.Forbidden, "A token in a URL may be good for ten minutes at most; send this one as a bearer token.")
	}
	return verdict{pass: &access.Pass{Subject: "jwt:" + said.Subject, Expires: said.Expires}}
}

// link decides by a signed link, in the query or in the cookie.
func (a *Auth) link(r *access.Request, who peer) verdict {
	l, err := link.FromQuery(r.Path, r.Query.Reveal())
	if errors.Is(err, link.ErrNone) {
		piece := cookieOf(r, link.Cookie)
		if piece == "" {
			return verdict{}
		}
		l, err = link.FromPiece(r.Path, piece)
	}
	if err == nil {
		err = a.verify(l, who)
	}
	switch {
	case err == nil:
		return verdict{pass: &access.Pass{Subject: "link:" + l.Key, Expires: l.Expires, Over: a.overs.of("signer", l.Key)}}
	case errors.Is(err, link.ErrExpired):
		return final(access.Expired, "The link has expired. Ask for a new one.")
	default:
		return final(access.Wrong, "The link is not good: was it cut short?")
	}
}

func (a *Auth) verify(l link.Link, who peer) error {
	s := a.index.Load().Signer(l.Key)
	if s == nil {
		return link.ErrForged
	}
	return l.Verify(s.Secret, who.ip, time.Now()) //nolint:wrapcheck // only its kind counts
}

// cookieOf is a cookie that a peer shows.
func cookieOf(r *access.Request, name string) string {
	if r.Cookie.Empty() {
		return ""
	}
	all, err := http.ParseCookie(r.Cookie.Reveal())
	if err != nil {
		return ""
	}
	for _, c := range all {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// inURL says whether a text stands in the URL, where others may see it: in logs, in what a
// browser tells other sites.
func inURL(r *access.Request, text string) bool {
	for pair := range strings.SplitSeq(r.Query.Reveal(), "&") {
		_, value, _ := strings.Cut(pair, "=")
		plain, err := url.PathUnescape(value)
		if strings.Contains(value, text) || err == nil && strings.Contains(plain, text) {
			return true
		}
	}
	return false
}

// A JWT in a URL, to watch, has at most so much time left.
const longestInURL = 10 * time.Minute

// question is a request as the operator's own service sees it.
func question(r *access.Request, who peer) hook.Question {
	q := hook.Question{
		Action: string(r.Action), Path: r.Path, Protocol: r.Protocol, Agent: r.Agent, Session: r.Session,
		User: r.User, Password: r.Password.Reveal(), Token: r.Token.Reveal(), Query: r.Query.Reveal(),
	}
	if who.ip.IsValid() {
		q.Remote = who.ip.String()
	}
	return q
}
