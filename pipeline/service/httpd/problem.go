package httpd

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// problem is the body of an error response, RFC 9457 section 3 with "code".
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Code   string `json:"code"`
}

// Problem answers with an error as RFC 9457 problem details. code is a stable
// word in snake_case that programs may test ("stream_offline"); title is the same
// for every problem with that code; detail is for a person and says what to do.
// Nothing may have been written to w. Caches must not keep the answer, unless the
// caller has set a Cache-Control already.
func Problem(w http.ResponseWriter, status int, code, title, detail string) {
	h := w.Header()
	h.Del("Content-Encoding")
	h.Set("Content-Type", "application/problem+json")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	// Marshalling strings and a number cannot fail.
	body, _ := json.Marshal(problem{Type: "about:blank", Title: title, Status: status, Detail: detail, Code: code})
	body = append(body, '\n')
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// PageHeaders sets what a page of ours needs beside its Content-Security-Policy,
// which it takes: no sniffing, no referrer, no device access, no foreign opener.
func PageHeaders(h http.Header, csp string) {
	h.Set("Content-Security-Policy", csp)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
}
