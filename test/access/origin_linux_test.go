//go:build e2e

package access

import (
	"fmt"
	"net/http"
)

// origin is where somebody comes from.
type origin struct {
	name string
	// local says that the server takes it for its own machine.
	local bool
	// unknown says that nobody knows where it is: where some may not come, it may not.
	unknown bool
	// at gives an address to come from and headers. Nobody has come from the same one
	// before, so that nobody is slowed down for what others have guessed.
	at func(n int) (from, host string, header http.Header)
}

// knownProxy is one that the server believes.
const knownProxy = "127.0.0.2"

// anew is an address that is not used twice.
func anew(network string, n int) string { return fmt.Sprintf("%s.%d", network, 10+n%80) }

func origins() []origin {
	forwarded := func(by string) http.Header { return http.Header{"X-Forwarded-For": {by}} }
	return []origin{
		{"this machine", true, false, func(int) (string, string, http.Header) { return loopback, loopback, http.Header{} }},
		{"elsewhere", false, false, func(n int) (string, string, http.Header) {
			return anew("198.51.100", n), elsewhere, http.Header{}
		}},
		{"a proxy that is known", false, false, func(n int) (string, string, http.Header) {
			return knownProxy, loopback, forwarded(anew("203.0.113", n))
		}},
		{"this machine, by a proxy that is known", false, false, func(int) (string, string, http.Header) {
			return knownProxy, loopback, forwarded("127.0.0.1")
		}},
		{"a proxy that is known and says nothing of use", false, true, func(int) (string, string, http.Header) {
			return knownProxy, loopback, forwarded("unknown")
		}},
		{"a proxy on this machine that is not known", false, false, func(int) (string, string, http.Header) {
			return loopback, loopback, forwarded("127.0.0.1")
		}},
		{"elsewhere, which says that it is this machine", false, false, func(n int) (string, string, http.Header) {
			return anew("198.51.100", n), elsewhere, forwarded("127.0.0.1")
		}},
		{"this machine, by another name", false, false, func(int) (string, string, http.Header) {
			return loopback, "rebound.example", http.Header{}
		}},
		{"a page of another site on this machine", false, false, func(int) (string, string, http.Header) {
			return loopback, loopback, http.Header{"Origin": {"https://evil.example"}}
		}},
	}
}
