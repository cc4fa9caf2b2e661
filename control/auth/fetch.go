package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	neturl "net/url"
)

// maxKeySet bounds a set of keys in bytes.
const maxKeySet = 256 << 10

// fetch gets a set of keys by HTTP. It follows no redirects.
func fetch(url string, dial func(ctx context.Context, network, address string) (net.Conn, error)) func(context.Context) ([]byte, error) {
	client := &http.Client{
		Transport:     &http.Transport{DialContext: dial, DisableKeepAlives: true, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context) ([]byte, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, fmt.Errorf("fetch the keys of tokens: %w", err)
		}
		r.Header.Set("User-Agent", "weir")
		reply, err := client.Do(r)
		if err != nil {
			var at *neturl.Error
			if errors.As(err, &at) { // its text has the URL, which may have a password
				err = at.Err
			}
			return nil, fmt.Errorf("fetch the keys of tokens: %w", err)
		}
		defer reply.Body.Close()
		if reply.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("fetch the keys of tokens: the server answered %s", reply.Status)
		}
		text, err := io.ReadAll(io.LimitReader(reply.Body, maxKeySet+1))
		if err != nil {
			return nil, fmt.Errorf("fetch the keys of tokens: %w", err)
		}
		if len(text) > maxKeySet {
			return nil, fmt.Errorf("the keys of tokens have more than %d bytes", maxKeySet)
		}
		return text, nil
	}
}
