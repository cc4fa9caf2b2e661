package auth

import (
	"net/http"

	"weir/control/rest"
)

// Scraped wraps what programs read at intervals, /metrics: it is for this machine, for the
// networks that the configuration names, and for whoever may read all streams.
func (a *Auth) Scraped(h http.Handler) http.Handler {
	behind := rest.Behind(a, rest.Read, h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := a.lists.visitor(r)
		if a.lists.admits(who.ip) && (who.local && a.settings.Loopback != "nobody" || contains(a.lists.metrics, who.ip)) {
			h.ServeHTTP(w, r)
			return
		}
		behind.ServeHTTP(w, r)
	})
}
