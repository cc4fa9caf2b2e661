package auth

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/auth/book"
	"weir/control/rest"
)

// Key is a publish key as the API shows it.
type Key struct {
	ID       string     `json:"id"`
	Stream   string     `json:"stream" doc:"A path, or a pattern such as live/*."`
	Name     string     `json:"name"`
	Created  time.Time  `json:"created_at"`
	From     *time.Time `json:"valid_from,omitempty"`
	Expires  *time.Time `json:"expires,omitempty" doc:"Left out, never."`
	LastUsed *time.Time `json:"last_used_at,omitempty"`
}

type keyInput struct {
	rest.Idempotent
	Body struct {
		Stream  string     `json:"stream" minLength:"1" maxLength:"260" doc:"A path, or a pattern such as live/*."`
		Name    string     `json:"name" minLength:"1" maxLength:"128" doc:"Whose key it is."`
		From    *time.Time `json:"valid_from,omitempty" doc:"Left out, at once."`
		Expires *time.Time `json:"expires,omitempty" doc:"Left out, never."`
	}
}

type keyQuery struct {
	rest.Paging
	Stream string `query:"stream" maxLength:"260" doc:"Only the keys that are good for this stream."`
}

type keyRotation struct {
	rest.Idempotent
	ID   string `path:"id" maxLength:"128"`
	Body struct {
		Overlap float64 `json:"overlap_seconds" minimum:"0" maximum:"31536000" default:"86400" doc:"How long the old key stays good beside the new one."`
	}
}

// newKey is a key with its secret, which is shown this once.
type newKey struct {
	Location string `header:"Location"`
	Body     struct {
		Key
		Secret string `json:"secret" doc:"Keep it: it is shown this once."`
	}
}

func (a *Auth) registerKeys(api *rest.API) {
	huma.Register(api, rest.Operation(rest.Admin, http.MethodGet, "/keys", "list-keys", "List publish keys"), a.listKeys)
	post := rest.Operation(rest.Admin, http.MethodPost, "/keys", "create-key", "Make a publish key")
	post.DefaultStatus = http.StatusCreated
	post.Errors = append(post.Errors, http.StatusConflict) // of an Idempotency-Key
	huma.Register(api, post, a.createKey)
	rotate := rest.Operation(rest.Admin, http.MethodPost, "/keys/{id}/rotate", "rotate-key", "Make a key that follows another")
	rotate.DefaultStatus = http.StatusCreated
	rotate.Errors = append(rotate.Errors, http.StatusConflict)
	huma.Register(api, rotate, a.rotateKey)
	huma.Register(api, rest.Operation(rest.Admin, http.MethodDelete, "/keys/{id}", "delete-key", "Revoke a publish key; who publishes with it is dismissed"), a.removeKey)
}

func (a *Auth) shownKey(b *book.Book, k *book.Key) Key {
	return Key{
		ID: k.ID, Stream: k.Stream, Name: k.Name, Created: k.Created, From: timeOf(k.From), Expires: timeOf(k.Expires),
		LastUsed: timeOf(a.lastUsed(b, k.ID)),
	}
}

func (a *Auth) listKeys(_ context.Context, in *keyQuery) (*struct{ Body *rest.Page[Key] }, error) {
	all := []Key{}
	x := a.index.Load()
	for i := range x.Keys {
		if k := &x.Keys[i]; in.Stream == "" || k.Stream == in.Stream || book.Matches([]string{k.Stream}, in.Stream) {
			all = append(all, a.shownKey(x.Book, k))
		}
	}
	return pageOf(in.Paging, all, func(k Key) string { return k.ID })
}

func (a *Auth) createKey(ctx context.Context, in *keyInput) (*newKey, error) {
	return rest.Do(ctx, &a.once, in.Idempotent, "create-key", in.Body, func() (*newKey, error) { return a.makeKey(ctx, in) })
}

func (a *Auth) makeKey(ctx context.Context, in *keyInput) (*newKey, error) {
	expires, err := future(in.Body.Expires)
	if err != nil {
		return nil, err
	}
	k := book.Key{ID: book.NewID(), Name: in.Body.Name, Stream: in.Body.Stream, Created: now(), Expires: expires}
	if in.Body.From != nil {
		k.From = in.Body.From.UTC()
	}
	return a.addKey(ctx, k, func(*book.Book) error { return nil })
}

// addKey gives a key its secret and writes it down.
func (a *Auth) addKey(ctx context.Context, k book.Key, also func(*book.Book) error) (*newKey, error) {
	secret, sum := book.NewSecret(book.KeyPrefix)
	k.Sum = sum
	err := a.update(func(b *book.Book) error {
		b.Keys = append(b.Keys, k)
		return also(b)
	})
	if err != nil {
		return nil, a.failed(err)
	}
	a.by(ctx, "publish key made", "key", k.ID, "name", k.Name, "for", k.Stream)
	out := &newKey{Location: rest.Root + "/keys/" + k.ID}
	out.Body.Key, out.Body.Secret = a.shownKey(a.index.Load().Book, &k), secret
	return out, nil
}

// rotateKey makes a successor; both are good for a while.
func (a *Auth) rotateKey(ctx context.Context, in *keyRotation) (*newKey, error) {
	return rest.Do(ctx, &a.once, in.Idempotent, "rotate-key "+in.ID, in.Body, func() (*newKey, error) { return a.followKey(ctx, in) })
}

func (a *Auth) followKey(ctx context.Context, in *keyRotation) (*newKey, error) {
	old := a.index.Load().Key(in.ID)
	if old == nil {
		return nil, notFound("key")
	}
	next := book.Key{ID: book.NewID(), Name: old.Name, Stream: old.Stream, Created: now()}
	overlap := time.Duration(in.Body.Overlap * float64(time.Second))
	return a.addKey(ctx, next, func(b *book.Book) error { return b.Retire(in.ID, overlap, time.Now()) })
}

func (a *Auth) removeKey(ctx context.Context, in *byID) (*nothing, error) {
	err := a.update(func(b *book.Book) error {
		if !b.DropKey(in.ID) {
			return notFound("key")
		}
		return nil
	})
	if err != nil {
		return nil, a.failed(err)
	}
	a.by(ctx, "publish key revoked", "key", in.ID)
	return none(), nil
}
