package control

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Check is one condition of readiness: nil if it holds, else what is wrong in words.
type Check struct {
	Name string
	Ask  func() error
}

// Live answers that the process serves requests; whether it is any use is another
// question ([Ready]).
func Live() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok\n") })
}

// Started answers 200 once done says so, and 503 before: what waits for a server to come
// up asks here.
func Started(done func() bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if done() {
			say(w, http.StatusOK, "started\n")
			return
		}
		say(w, http.StatusServiceUnavailable, "starting\n")
	})
}

// Ready answers 200 while all checks hold and 503 otherwise. With ?verbose it lists
// them, and what notes say besides, which does not make the server less ready.
func Ready(notes func() []string, checks ...Check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var report strings.Builder
		status := http.StatusOK
		for _, c := range checks {
			word := "ok"
			if err := c.Ask(); err != nil {
				status, word = http.StatusServiceUnavailable, err.Error()
			}
			fmt.Fprintf(&report, "%s: %s\n", c.Name, word)
		}
		if !r.URL.Query().Has("verbose") {
			say(w, status, map[bool]string{true: "ready\n", false: "not ready\n"}[status == http.StatusOK])
			return
		}
		for _, note := range notes() {
			fmt.Fprintf(&report, "note: %s\n", note)
		}
		say(w, status, report.String())
	})
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // a client that is gone needs no answer
}
