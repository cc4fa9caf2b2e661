package rest

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// Idempotent is the part of a request that creates something: embed it.
type Idempotent struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"256" doc:"A word of the client's own for this request: when it is sent again within ten minutes, the first answer comes back and nothing is done twice."`
}

// The bounds of what Once remembers.
const (
	onceFor  = 10 * time.Minute
	onceMost = 1000
)

// Once remembers what requests with an Idempotency-Key led to. The zero Once is ready
// for use.
type Once struct {
	mu   sync.Mutex // guards what follows
	by   map[string]*list.Element
	ages list.List // of *deed, oldest first
}

// deed is one request and what came of it.
type deed struct {
	key  string
	body [sha256.Size]byte
	at   time.Time
	done bool
	out  any
}

// Do does something for a request, or gives what it gave when the same caller has sent
// the same request before. Failures are not remembered.
func Do[T any](ctx context.Context, o *Once, key Idempotent, operation string, request any, do func() (*T, error)) (*T, error) {
	if key.IdempotencyKey == "" {
		return do()
	}
	body, _ := json.Marshal(request) // it came as JSON
	who := ""
	if c := CallerOf(ctx); c != nil {
		who = c.Name
	}
	d, fresh := o.begin(who+"\x00"+operation+"\x00"+key.IdempotencyKey, sha256.Sum256(body))
	if !fresh {
		switch out, done := o.result(d, sha256.Sum256(body)); {
		case out == nil && done:
			return nil, Fail(http.StatusUnprocessableEntity, "idempotency_key_reused", "This Idempotency-Key was sent with another request before: use a new one.")
		case !done:
			return nil, Fail(http.StatusConflict, "in_progress", "The same request is still being worked on.")
		default:
			return out.(*T), nil //nolint:forcetypeassert // the operation is part of the key
		}
	}
	out, err := do()
	o.end(d, out, err)
	return out, err
}

func (o *Once) begin(key string, body [sha256.Size]byte) (d *deed, fresh bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.by == nil {
		o.by = make(map[string]*list.Element)
	}
	for e := o.ages.Front(); e != nil; e = o.ages.Front() {
		old := e.Value.(*deed) //nolint:forcetypeassert // nothing else is in it
		if o.ages.Len() <= onceMost && time.Since(old.at) < onceFor {
			break
		}
		o.drop(e)
	}
	if e := o.by[key]; e != nil {
		return e.Value.(*deed), false //nolint:forcetypeassert // as above
	}
	d = &deed{key: key, body: body, at: time.Now()}
	o.by[key] = o.ages.PushBack(d)
	return d, true
}

// result is what a deed gave: nil for one that is done and had another body.
func (o *Once) result(d *deed, body [sha256.Size]byte) (out any, done bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if d.body != body {
		return nil, true
	}
	return d.out, d.done
}

func (o *Once) end(d *deed, out any, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d.done, d.out = true, out
	if e := o.by[d.key]; err != nil && e != nil && e.Value == d {
		o.drop(e)
	}
}

func (o *Once) drop(e *list.Element) {
	delete(o.by, e.Value.(*deed).key) //nolint:forcetypeassert // nothing else is in it
	o.ages.Remove(e)
}
