package resttest

import (
	"net/http"
	"net/netip"

	"weir/control/rest"
)

// Loopback is a rest.Guard that trusts this machine by its address alone, and nobody else.
type Loopback struct{}

// Identify implements rest.Guard.
func (Loopback) Identify(r *http.Request) (*rest.Caller, error) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() {
		return nil, rest.Fail(http.StatusUnauthorized, "credentials_missing", "This needs credentials, except on the server's own machine.")
	}
	return &rest.Caller{Name: "this machine", Scope: rest.Admin, Remote: peer.Addr().Unmap()}, nil
}
