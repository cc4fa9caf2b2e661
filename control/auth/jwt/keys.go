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
// not among them, but not more often than that. Keys that cannot be loaded stay good for
// a while.
const (
	stale    = 15 * time.Minute
	earliest = time.Minute
	lasting  = 24 * time.Hour
	loadTime = 5 * time.Second
)

// Keys are the keys of an issuer, loaded when they are needed. Use [NewKeys].
type Keys struct {
	load    func(context.Context) ([]byte, error)
	secrets bool
	loading chan struct{} // has room for one who loads

	mu     sync.Mutex // guards the rest
	keys   []key
	loaded time.Time // when they came
	tried  time.Time // when they were asked for last
	failed error
}

// NewKeys makes Keys that load takes from somewhere as a JSON Web Key Set or in PEM.
// With secrets there may be keys of HMAC among them.
func NewKeys(load func(context.Context) ([]byte, error), secrets bool) *Keys {
	return &Keys{load: load, secrets: secrets, loading: make(chan struct{}, 1)}
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
// names none, all of them.
func (k *Keys) find(ctx context.Context, id string) ([]key, error) {
	found, wait := k.look(id)
	if k.load == nil || !wait {
		return found, k.fault(found)
	}
	select {
	case k.loading <- struct{}{}:
	case <-ctx.Done():
		return found, k.fault(found)
	}
	defer func() { <-k.loading }()
	if _, wait = k.look(id); wait { // nobody else has loaded them meanwhile
		k.renew(ctx)
	}
	found, _ = k.look(id)
	return found, k.fault(found)
}

// look looks among what is there, and says whether it is worth to load.
func (k *Keys) look(id string) (found []key, load bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if k.load != nil && now.Sub(k.loaded) > lasting {
		k.keys = nil
	}
	found = slices.DeleteFunc(slices.Clone(k.keys), func(c key) bool { return id != "" && c.id != "" && c.id != id })
	old := len(found) == 0 || now.Sub(k.loaded) > stale
	return found, old && now.Sub(k.tried) > earliest
}

func (k *Keys) fault(found []key) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(found) == 0 && len(k.keys) == 0 {
		return errors.Join(ErrUnavailable, k.failed)
	}
	return nil
}

func (k *Keys) renew(ctx context.Context) {
	// Whoever asks may go; the next one wants the keys, too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTime)
	defer cancel()
	text, err := k.load(ctx)
	var keys []key
	if err == nil {
		keys, err = parseKeys(text, k.secrets)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried, k.failed = time.Now(), err
	if err == nil {
		k.keys, k.loaded = keys, k.tried
	}
}
