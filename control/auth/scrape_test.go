package auth

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"weir/control/auth/book"
	"weir/pipeline/config"
)

func TestWhoReadsMetrics(t *testing.T) {
	var all, some string
	for _, c := range []struct {
		name, remote, forwarded string
		secret                  *string
		change                  func(*config.Access)
		want                    int
	}{
		{"this machine", "127.0.0.1:1", "", nil, nil, 200},
		{"this machine, which nobody trusts", "127.0.0.1:1", "", nil, func(a *config.Access) { a.Loopback = "nobody" }, 401},
		{"a proxy on this machine", "127.0.0.1:1", "192.0.2.7", nil, nil, 401},
		{"elsewhere", "192.0.2.7:1", "", nil, nil, 401},
		{"a network that may", "192.0.2.7:1", "", nil, func(a *config.Access) { a.Metrics = []string{"192.0.2.0/24"} }, 200},
		{"one that only says so", "198.51.100.7:1", "192.0.2.7", nil, func(a *config.Access) { a.Metrics = []string{"192.0.2.0/24"} }, 401},
		{"a network that may, and may not come", "192.0.2.7:1", "", nil, func(a *config.Access) {
			a.Metrics, a.Deny = []string{"192.0.2.0/24"}, []string{"192.0.2.7"}
		}, 403},
		{"a token", "192.0.2.7:1", "", &all, nil, 200},
		{"a token for some streams", "192.0.2.7:1", "", &some, nil, 403},
	} {
		d := open(t, func(o *Options) {
			if c.change != nil {
				c.change(&o.Settings)
			}
		})
		if err := d.update(func(b *book.Book) error {
			for secret, streams := range map[*string][]string{&all: nil, &some: {"live/*"}} {
				text, sum := book.NewSecret(book.TokenPrefix)
				*secret = text
				b.Tokens = append(b.Tokens, book.Token{ID: book.NewID(), Name: "prometheus", Sum: sum, Scopes: []string{"read"}, Streams: streams})
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/metrics", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if c.secret != nil {
			r.Header.Set("Authorization", "Bearer "+*c.secret)
		}
		w := httptest.NewRecorder()
		d.Scraped(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })).ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d", c.name, w.Code, c.want)
		}
	}
}
