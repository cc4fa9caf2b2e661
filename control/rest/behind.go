package rest

import "net/http"

// Behind lets through to h who may do what needs the scope, on all streams: for what is
// no operation of the API, such as profiles.
func Behind(guard Guard, scope Scope, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, err := guard.Identify(r)
		if err == nil && (!caller.Scope.Includes(scope) || caller.Streams != nil) {
			err = Fail(http.StatusForbidden, "forbidden", "This needs the scope "+string(scope)+" on all streams.")
		}
		if err != nil {
			deny(w, err)
			return
		}
		h.ServeHTTP(w, r)
	})
}
