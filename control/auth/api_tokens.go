package auth

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/auth/book"
	"weir/control/rest"
)

func escape(segment string) string { return url.PathEscape(segment) }

// Token is a token as the API shows it.
type Token struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Scopes   []string   `json:"scopes"`
	Streams  []string   `json:"streams,omitempty" doc:"Left out, all streams."`
	Created  time.Time  `json:"created_at"`
	Expires  *time.Time `json:"expires_at,omitempty" doc:"Left out, never."`
	LastUsed *time.Time `json:"last_used_at,omitempty"`
}

type tokenInput struct {
	rest.Idempotent
	Body struct {
		Name    string     `json:"name" minLength:"1" maxLength:"128"`
		Scopes  []string   `json:"scopes" minItems:"1" maxItems:"6" enum:"read,operate,configure,admin,publish,play"`
		Streams []string   `json:"streams,omitempty" maxItems:"64" doc:"Paths or patterns such as live/*; left out, all streams."`
		Expires *time.Time `json:"expires,omitempty" doc:"Left out, never."`
	}
}

// newToken is a token with its secret, which is shown this once.
type newToken struct {
	Location string `header:"Location"`
	Body     struct {
		Token
		Secret string `json:"secret" doc:"Keep it: it is shown this once."`
	}
}

func (a *Auth) registerTokens(api *rest.API) {
	huma.Register(api, rest.Operation(rest.Admin, http.MethodGet, "/tokens", "list-tokens", "List API tokens"), a.listTokens)
	post := rest.Operation(rest.Admin, http.MethodPost, "/tokens", "create-token", "Make an API token")
	post.DefaultStatus = http.StatusCreated
	post.Errors = append(post.Errors, http.StatusConflict) // of an Idempotency-Key
	huma.Register(api, post, a.createToken)
	huma.Register(api, rest.Operation(rest.Admin, http.MethodDelete, "/tokens/{id}", "delete-token", "Revoke an API token"), a.removeToken)
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (a *Auth) shownToken(b *book.Book, t *book.Token) Token {
	return Token{
		ID: t.ID, Name: t.Name, Scopes: t.Scopes, Streams: t.Streams, Created: t.Created, Expires: timeOf(t.Expires),
		LastUsed: timeOf(a.lastUsed(b, t.ID)),
	}
}

func (a *Auth) listTokens(_ context.Context, in *rest.Paging) (*struct{ Body *rest.Page[Token] }, error) {
	all := []Token{}
	x := a.index.Load()
	for i := range x.Tokens {
		all = append(all, a.shownToken(x.Book, &x.Tokens[i]))
	}
	return pageOf(*in, all, func(t Token) string { return t.ID })
}

// future checks when something is to expire.
func future(at *time.Time) (time.Time, error) {
	switch {
	case at == nil:
		return time.Time{}, nil
	case !at.After(time.Now()):
		return time.Time{}, rest.Fail(http.StatusUnprocessableEntity, "invalid_request", "It would have expired already.")
	default:
		return at.UTC(), nil
	}
}

func (a *Auth) createToken(ctx context.Context, in *tokenInput) (*newToken, error) {
	return rest.Do(ctx, &a.once, in.Idempotent, "create-token", in.Body, func() (*newToken, error) { return a.makeToken(ctx, in) })
}

func (a *Auth) makeToken(ctx context.Context, in *tokenInput) (*newToken, error) {
	expires, err := future(in.Body.Expires)
	if err != nil {
		return nil, err
	}
	secret, sum := book.NewSecret(book.TokenPrefix)
	t := book.Token{
		ID: book.NewID(), Name: in.Body.Name, Sum: sum, Scopes: in.Body.Scopes, Streams: in.Body.Streams, Created: now(), Expires: expires,
	}
	if err := a.update(func(b *book.Book) error { b.Tokens = append(b.Tokens, t); return nil }); err != nil {
		return nil, a.failed(err)
	}
	a.by(ctx, "token made", "token", t.ID, "name", t.Name)
	out := &newToken{Location: rest.Root + "/tokens/" + t.ID}
	out.Body.Token, out.Body.Secret = a.shownToken(a.index.Load().Book, &t), secret
	return out, nil
}

func (a *Auth) removeToken(ctx context.Context, in *byID) (*nothing, error) {
	err := a.update(func(b *book.Book) error {
		if !b.DropToken(in.ID) {
			return notFound("token")
		}
		return nil
	})
	if err != nil {
		return nil, a.failed(err)
	}
	a.by(ctx, "token revoked", "token", in.ID)
	return none(), nil
}
