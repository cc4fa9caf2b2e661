package control

import (
	"net/http"
	"net/http/pprof"
)

// ProfilesAt is where Profiles belongs; package pprof knows no other place.
const ProfilesAt = "/debug/pprof/"

// Profiles serves what `go tool pprof` reads: stacks, heap, CPU. It shows how the server
// works inside and can slow it down, so it is for administrators only.
func Profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+ProfilesAt, pprof.Index)
	mux.HandleFunc("GET "+ProfilesAt+"profile", pprof.Profile)
	mux.HandleFunc("GET "+ProfilesAt+"symbol", pprof.Symbol)
	mux.HandleFunc("GET "+ProfilesAt+"trace", pprof.Trace)
	return mux // not cmdline: a command line may hold what is secret
}
