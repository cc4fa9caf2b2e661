package auth

import (
	"net/http"
	"net/netip"
	"time"

	"weir/control/auth/link"
)

// Remember wraps the page of a stream: whoever opens it by a link that is good gets the
// link as a cookie, with which the page then asks for everything beneath the stream's path.
// The URLs of playlists and segments thus are the same for all viewers.
func (a *Auth) Remember(page func(w http.ResponseWriter, r *http.Request, path, leaf string)) func(w http.ResponseWriter, r *http.Request, path, leaf string) {
	return func(w http.ResponseWriter, r *http.Request, path, leaf string) {
		if r.URL.RawQuery != "" {
			a.remember(w, r, path)
		}
		page(w, r, path, leaf)
	}
}

func (a *Auth) remember(w http.ResponseWriter, r *http.Request, path string) {
	l, err := link.FromQuery(path, r.URL.RawQuery)
	who := a.lists.visitor(r)
	if err != nil || a.verify(l, who) != nil {
		return
	}
	if l.Prefix != path { // a folder's, of which a piece cannot tell
		s := a.index.Load().Signer(l.Key)
		if s == nil {
			return
		}
		ip := netip.Addr{}
		if l.Bound {
			ip = who.ip
		}
		l = link.Sign(s.Secret, s.ID, path, l.Expires, ip)
	}
	c := http.Cookie{
		Name: link.Cookie, Value: l.Piece(), Path: "/" + path, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int(time.Until(l.Expires).Seconds()),
	}
	if a.lists.secure(r) { // so that the player works in a frame of another site
		c.Secure, c.SameSite, c.Partitioned = true, http.SameSiteNoneMode, true
	}
	http.SetCookie(w, &c)
}
