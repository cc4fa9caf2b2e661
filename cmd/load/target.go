package load

import (
	"context"
	"fmt"
	"net"
	"net/url"
)

// Local says whether all addresses of a URL's host are this machine's loopback ones.
func Local(ctx context.Context, address string) (bool, error) {
	u, err := url.Parse(address)
	if err != nil {
		return false, fmt.Errorf("address: %w", err)
	}
	if u.Hostname() == "" {
		return false, fmt.Errorf("address: %q names no host", address)
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return false, fmt.Errorf("address: %w", err)
	}
	for _, a := range addresses {
		if !a.Unmap().IsLoopback() {
			return false, nil
		}
	}
	return true, nil
}
