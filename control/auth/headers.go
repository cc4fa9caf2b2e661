package auth

import "net/http"

// Headers wraps the API: what it answers is data, which no browser is to show as a page, put
// into a frame or tell others about.
func Headers(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		api.ServeHTTP(w, r)
	})
}
