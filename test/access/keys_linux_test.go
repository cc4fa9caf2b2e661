//go:build e2e

package access

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"weir/control/auth/book"
	"weir/pipeline/access"
)

// keyServer has the keys of an issuer at a URL.
type keyServer struct {
	*httptest.Server
	asked  atomic.Int32
	answer atomic.Pointer[http.HandlerFunc]
}

func newKeyServer(t *testing.T, answer http.HandlerFunc) *keyServer {
	t.Helper()
	k := new(keyServer)
	k.answer.Store(&answer)
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.asked.Add(1)
		(*k.answer.Load())(w, r)
	}))
	t.Cleanup(func() {
		k.CloseClientConnections()
		k.Close()
	})
	return k
}

// gives answers with a set of keys.
func gives(set []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = w.Write(set)
	}
}

// trusting runs a server that takes the tokens of whoever has its keys at a URL.
func trusting(t *testing.T, url string) *server {
	t.Helper()
	s := prepare(t, func(*book.Book) {})
	s.start(t, fmt.Sprintf("  tls: {cert: %q, key: %q}\n  outgoing: {allow: [127.0.0.1]}\n  access: {jwt: {url: %q, audience: weir}}\n",
		s.dir+"/cert.pem", s.dir+"/key.pem", url+"/keys.json"), flows)
	return s
}

// asBearerAnywhere are the doors at which a bearer token or a key may be shown, one each.
func asBearerAnywhere() (all []entry) {
	for _, e := range entries() {
		if e.action != reads && e.action != admins && (e.place == "bearer" || e.place == "?key=") {
			all = append(all, e)
		}
	}
	return all
}

// TestKeysAtAURL is an issuer whose keys are at a URL: they are asked for once, those that
// are new are found at once, those that are gone are no good, and nobody can make the server
// ask again and again.
func TestKeysAtAURL(t *testing.T) {
	t.Parallel()
	i, next := newIssuer(t), newIssuer(t)
	keys := newKeyServer(t, gives(i.set(t, false)))
	s := trusting(t, keys.URL)
	sign := func(i *issuer, kind, header string) paper {
		for _, k := range i.kinds() {
			if k.name == kind {
				return paper{kind: kind, text: raw(t, k.method, k.key, header, payload(nil))}
			}
		}
		t.Fatal(kind)
		return paper{}
	}
	wants := func(what string, p paper, want outcome) {
		t.Helper()
		for _, e := range asBearerAnywhere() {
			want := want
			if e.method == "" && want != in {
				want = refused
			}
			if got := s.try(t, e, p, origins()[1]); got != want {
				t.Errorf("%s with %s, %s: %s, want %s", e.protocol, p.kind, what, got, want)
			}
		}
	}
	for _, k := range i.kinds() {
		if k.name != "JWT HS" {
			wants("right", sign(i, k.name, k.header), in)
		}
	}
	if n := keys.asked.Load(); n != 1 {
		t.Errorf("keys were asked for %d times", n)
	}

	rotated := gives(fmt.Appendf(nil, `{"keys":[{"kty":"RSA","kid":"r2","n":%q,"e":"AQAB"}]}`, b64(next.rsa.N.Bytes())))
	keys.answer.Store(&rotated)
	wants("new", sign(next, "JWT RS", `{"alg":"RS256","kid":"r2"}`), in)
	wants("of a key that is gone", sign(i, "JWT RS", `{"alg":"RS256","kid":"r"}`), outcome(access.Wrong))
	wants("of the key that is gone, under the new name", sign(i, "JWT RS", `{"alg":"RS256","kid":"r2"}`), outcome(access.Wrong))
	wants("by the public key", paper{kind: "JWT HS", text: raw(t, jwt.SigningMethodHS256, next.public, `{"alg":"HS256","kid":"r2"}`, payload(nil))}, outcome(access.Wrong))
	for n := range 5 {
		wants("of a key that never was", sign(next, "JWT RS", fmt.Sprintf(`{"alg":"RS256","kid":"x%d"}`, n)), outcome(access.Wrong))
	}
	if n := keys.asked.Load(); n != 2 {
		t.Errorf("keys were asked for %d times", n)
	}
}

// TestKeysThatAreNotToBeHad is an issuer that hangs, says too much, or sends the server
// elsewhere: nobody comes in, and all are answered soon; whoever else is let in waits for
// nothing.
func TestKeysThatAreNotToBeHad(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	set := i.set(t, false)
	elsewhereKeys := newKeyServer(t, gives(set))
	var sent atomic.Int64
	for name, answer := range map[string]http.HandlerFunc{
		"hangs": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"drips": func(w http.ResponseWriter, r *http.Request) {
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for _, each := range set {
				if _, err := w.Write([]byte{each}); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				select {
				case <-tick.C:
				case <-r.Context().Done():
					return
				}
			}
		},
		"is huge": func(w http.ResponseWriter, _ *http.Request) {
			for {
				n, err := w.Write(make([]byte, 64<<10))
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		},
		"leads elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhereKeys.URL+"/keys.json", http.StatusFound)
		},
		"has shared secrets": gives(i.set(t, true)),
		"is not well":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := newKeyServer(t, answer)
			s := trusting(t, keys.URL)
			var all sync.WaitGroup
			for n := range 8 {
				token := raw(t, jwt.SigningMethodRS256, i.rsa, `{"alg":"RS256","kid":"r"}`, payload(map[string]any{"sub": fmt.Sprint("viewer", n)}))
				all.Go(func() {
					r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+elsewhere+":"+s.http+"/show/a/index.m3u8", nil)
					if err != nil {
						t.Error(err)
						return
					}
					r.Header.Set("Authorization", "Bearer "+token)
					begun := time.Now()
					reply, err := client(elsewhere, s.trust).Do(r)
					if err != nil {
						t.Error(err)
						return
					}
					reply.Body.Close()
					if took := time.Since(begun); reply.StatusCode != http.StatusServiceUnavailable || reply.Header.Get("Retry-After") == "" || took > 10*time.Second {
						t.Errorf("a viewer is answered %s with %v after %v", reply.Status, reply.Header, took)
					}
				})
			}
			// Who needs none of these keys waits for nothing.
			if got := s.try(t, asBearerAnywhere()[0], paper{kind: "pipeline key", text: pipelineKey}, origins()[1]); got != in {
				t.Errorf("a publisher with a key: %s", got)
			}
			all.Wait()
			if n := keys.asked.Load(); n > 2 {
				t.Errorf("keys were asked for %d times", n)
			}
		})
	}
	t.Cleanup(func() {
		if n := elsewhereKeys.asked.Load(); n > 0 {
			t.Errorf("the server was sent elsewhere, and went there %d times", n)
		}
		if n := sent.Load(); n > 32<<20 {
			t.Errorf("%d bytes of keys were taken", n)
		}
	})
}
