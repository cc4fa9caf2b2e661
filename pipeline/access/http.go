package access

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	"weir/pipeline"
)

// mostShown bounds each of the things that a peer shows, and mostAgent what it calls
// itself, in bytes. What is longer counts as not shown.
const (
	mostShown = 4 << 10
	mostAgent = 120
)

// FromHTTP is the Request that an HTTP request makes. What it shows is in its
// Authorization, a bearer token (RFC 6750 section 2.1) or a user's password (RFC 7617),
// or in its query, but for the delivery directives of HLS.
func FromHTTP(r *http.Request, action Action, protocol, path string) Request {
	q := Request{Action: action, Path: path, Protocol: protocol, Agent: r.UserAgent()}
	q.Agent = q.Agent[:min(len(q.Agent), mostAgent)]
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		q.Remote = from.Addr().Unmap()
	}
	if a := r.Header.Get("Authorization"); a != "" && len(a) <= mostShown {
		scheme, token, _ := strings.Cut(a, " ")
		if strings.EqualFold(scheme, "Bearer") {
			q.Token = pipeline.NewSecret(strings.TrimSpace(token))
		} else if user, password, ok := r.BasicAuth(); ok {
			q.User, q.Password = user, pipeline.NewSecret(password)
		}
	}
	q.Show(undirected(r.URL.RawQuery))
	q.Forwarded = Forwarded(r)
	// A browser adds cookies to what the pages of others ask for, too.
	if c := r.Header.Get("Cookie"); c != "" && len(c) <= mostShown && new(http.CrossOriginProtection).Check(r) == nil {
		q.Cookie = pipeline.NewSecret(c)
	}
	return q
}

// Forwarded is the X-Forwarded-For header of a request, or a word that is no address if
// anything else says that the request is not of whoever has connected: headers of other
// proxies, the HTTP of old that they speak, a page of another origin, or a name of this
// server that is not this machine's, as a page may use that wants to reach it.
func Forwarded(r *http.Request) string {
	if all := r.Header["X-Forwarded-For"]; len(all) > 0 {
		if text := strings.Join(all, ","); text != "" && len(text) <= mostShown {
			return text
		}
		return "a proxy"
	}
	for _, name := range []string{"Forwarded", "X-Real-Ip", "X-Forwarded-Host", "X-Forwarded-Proto", "Via"} {
		if len(r.Header[name]) > 0 {
			return "a proxy"
		}
	}
	origin := r.Header.Get("Origin")
	_, host, _ := strings.Cut(origin, "://")
	switch {
	case !r.ProtoAtLeast(1, 1):
		return "a proxy"
	case origin != "" && host != r.Host:
		return "another origin"
	case !isLocalName(r.Host):
		return "another name"
	default:
		return ""
	}
}

// isLocalName says whether a Host can only mean the machine that asks.
func isLocalName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// Printable is what a peer says, bounded, and without what may harm a terminal or a log.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, s[:min(len(s), mostAgent)])
}

// Show lets the request show a raw query, and the token in it unless it has one.
func (r *Request) Show(query string) {
	if query == "" || len(query) > mostShown {
		return
	}
	r.Query = pipeline.NewSecret(query)
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if (name == "token" || name == "key" || name == "jwt") && r.Token.Empty() {
			if plain, err := url.PathUnescape(value); err == nil { // tokens are pasted, not encoded as forms are
				r.Token = pipeline.NewSecret(strings.TrimSpace(plain))
			}
		}
	}
}

// Bare says that the peer shows nothing.
func (r *Request) Bare() bool {
	return r.User == "" && r.Password.Empty() && r.Token.Empty() && r.Query.Empty() && r.Cookie.Empty()
}

// undirected is a query without the delivery directives of HLS (rfc8216bis section
// 6.2.5), which differ from one request to the next.
func undirected(query string) string {
	const directive = "_HLS_"
	if !strings.Contains(query, directive) {
		return query
	}
	var rest []string
	for pair := range strings.SplitSeq(query, "&") {
		if pair != "" && !strings.HasPrefix(pair, directive) {
			rest = append(rest, pair)
		}
	}
	return strings.Join(rest, "&")
}

// Answer sets the header fields that go with a refusal (RFC 6750 section 3, RFC 9110
// section 10.2.3) and returns its status and title.
func (r *Refusal) Answer(h http.Header) (status int, title string) {
	const challenge = `Bearer realm="weir"`
	switch r.Why {
	case Missing:
		h.Set("WWW-Authenticate", challenge)
		return http.StatusUnauthorized, "Credentials missing"
	case Wrong:
		h.Set("WWW-Authenticate", challenge+`, error="invalid_token"`)
		return http.StatusUnauthorized, "Credentials wrong"
	case Expired:
		h.Set("WWW-Authenticate", challenge+`, error="invalid_token"`)
		return http.StatusUnauthorized, "Credentials expired"
	case Forbidden:
		return http.StatusForbidden, "Not allowed"
	case Limited:
		h.Set("Retry-After", "10")
		return http.StatusTooManyRequests, "Too many"
	case Unavailable:
	}
	h.Set("Retry-After", "5")
	return http.StatusServiceUnavailable, "Access cannot be checked"
}
