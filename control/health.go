package control

import (
	"fmt"
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
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprintln(w, "ok")
	})
}

// Ready answers 200 while all checks hold and 503 otherwise. With ?verbose it lists
// them.
func Ready(checks ...Check) http.Handler {
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
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		if r.URL.Query().Has("verbose") {
			fmt.Fprint(w, report.String())
			return
		}
		fmt.Fprintln(w, map[bool]string{true: "ready", false: "not ready"}[status == http.StatusOK])
	})
}
