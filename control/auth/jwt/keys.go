package jwt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// How often keys are loaded: anew when they are old, and when a token names one that is
// not among them, but not more often than that, and once more at the beginning, as the
// issuer may have a new one soon after. Keys that cannot be loaded stay good for a while.
const (
	stale    = 15 * time.Minute
	veryOld  = 2 * stale // nobody has needed them for a while
	earliest = time.Minute
	lasting  = 24 * time.Hour
	loadTime = 5 * time.Second
)

// Keys are the keys of an issuer, loaded when they are needed. Use [NewKeys].
type Keys struct {
	load    func(context.Context) ([]byte, error)
	secrets bool

	mu      sync.Mutex // guards the rest
	keys    []key
	loaded  time.Time     // when they came
	next    time.Time     // when they may be asked for again, and once before that
	loading chan struct{} // closed when they are there that are asked for now; nil if none are
	failed  error
}

// NewKeys makes Keys that load takes from somewhere as a JSON Web Key Set or in PEM.
// With secrets there may be keys of HMAC among them.
func NewKeys(load func(context.Context) ([]byte, error), secrets bool) *Keys {
	return &Keys{load: load, secrets: secrets}
}

// Secret makes Keys of one secret.
func Secret(secret string) (*Keys, error) {
	if len(secret) < minSecret {
		return nil, fmt.Errorf("the secret of tokens has %d bytes; it needs %d random ones at least", len(secret), minSecret)
	}
	k := NewKeys(nil, true)
	k.keys = []key{{algorithms: algorithmsOf([]byte(secret)), material: []byte(secret)}}
	return k, nil
}

// find is the keys that a token may be signed with: the one that it names, or, if it
// names none, all of them. It waits for keys that are being loaded if it has none, or very
// old ones: an issuer that is slow or away holds nobody else up.
func (k *Keys) find(ctx context.Context, id string) ([]key, error) {
	found, loading := k.look(ctx, id)
	if loading != nil {
		select {
		case <-loading:
		case <-ctx.Done():
		}
		found = k.named(id)
	}
	return found, k.fault(found)
}

// look looks among what is there, and has keys loaded if that is worth it. What it returns
// is closed when those have come that it is worth to wait for; nil if it is not.
func (k *Keys) look(ctx context.Context, id string) (found []key, loading <-chan struct{}) {
	found = k.named(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	age := now.Sub(k.loaded)
	old := len(found) == 0 || age > stale
	if k.load != nil && old && k.loading == nil && now.Sub(k.next) >= -earliest {
		if k.next.Before(now) {
			k.next = now
		}
		k.next = k.next.Add(earliest)
		k.loading = make(chan struct{})
		go k.renew(context.WithoutCancel(ctx)) // whoever asks may go; the next one wants the keys, too
	}
	if len(found) > 0 && (age < veryOld || k.failed != nil) {
		return found, nil
	}
	return found, k.loading
}

// named are the keys that are there for a name.
func (k *Keys) named(id string) []key {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.load != nil && time.Since(k.loaded) > lasting {
		k.keys = nil
	}
	return slices.DeleteFunc(slices.Clone(k.keys), func(c key) bool { return id != "" && c.id != "" && c.id != id })
}

func (k *Keys) fault(found []key) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(found) == 0 && len(k.keys) == 0 {
		return errors.Join(ErrUnavailable, k.failed)
	}
	return nil
}

// renew loads the keys, for loadTime at most.
func (k *Keys) renew(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, loadTime)
	defer cancel()
	text, err := k.load(ctx)
	var keys []key
	if err == nil {
		keys, err = parseKeys(text, k.secrets)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	close(k.loading)
	k.loading, k.failed = nil, err
	if err == nil {
		k.keys, k.loaded = keys, time.Now()
	}
}
