package auth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/control/auth/book"
	"weir/control/auth/password"
	"weir/control/rest"
)

// now is the time that is written down.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

// failed is what a change of the book has failed with, for the caller: a problem as it is,
// a fault of the file for the log, and the rest as what was wrong with the request.
func (a *Auth) failed(err error) error {
	var p *rest.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, book.ErrFile):
		a.log.Error("the access file could not be changed", "err", err)
		return rest.Fail(http.StatusInternalServerError, "internal", "The access file could not be changed. The log says why.")
	default:
		return invalid(err)
	}
}

// User is a user as the API shows him.
type User struct {
	ID       string     `json:"id" doc:"The name."`
	Scope    string     `json:"scope" enum:"read,operate,configure,admin"`
	Streams  []string   `json:"streams,omitempty" doc:"Left out, all streams."`
	Created  *time.Time `json:"created_at,omitempty"`
	Declared bool       `json:"declared" doc:"The user stands in the configuration and can only be changed there."`
}

type userInput struct {
	rest.Idempotent
	Body struct {
		Name     string   `json:"name" minLength:"1" maxLength:"128"`
		Password string   `json:"password" minLength:"8" maxLength:"1024"`
		Scope    string   `json:"scope,omitempty" enum:"read,operate,configure,admin" default:"read"`
		Streams  []string `json:"streams,omitempty" maxItems:"64" doc:"Paths or patterns such as live/*; left out, all streams."`
	}
}

type userChange struct {
	ID   string `path:"id" maxLength:"128"`
	Body struct {
		Password *string   `json:"password,omitempty" minLength:"8" maxLength:"1024"`
		Scope    *string   `json:"scope,omitempty" enum:"read,operate,configure,admin"`
		Streams  *[]string `json:"streams,omitempty" maxItems:"64"`
	}
}

type oneUser struct {
	Status   int
	Location string `header:"Location"`
	Body     User
}

type byID struct {
	ID string `path:"id" maxLength:"128"`
}

func (a *Auth) registerUsers(api *rest.API) {
	huma.Register(api, rest.Operation(rest.Admin, http.MethodGet, "/users", "list-users", "List users"), a.listUsers)
	post := rest.Operation(rest.Admin, http.MethodPost, "/users", "create-user", "Make a user")
	post.DefaultStatus = http.StatusCreated
	post.Errors = append(post.Errors, http.StatusConflict, http.StatusTooManyRequests)
	huma.Register(api, post, a.createUser)
	patch := rest.Operation(rest.Admin, http.MethodPatch, "/users/{id}", "change-user", "Change a user; his sessions end")
	patch.Errors = append(patch.Errors, http.StatusConflict, http.StatusTooManyRequests)
	huma.Register(api, patch, a.changeUser)
	remove := rest.Operation(rest.Admin, http.MethodDelete, "/users/{id}", "delete-user", "Remove a user; his sessions end")
	remove.Errors = append(remove.Errors, http.StatusConflict)
	huma.Register(api, remove, a.removeUser)
}

func (a *Auth) user(u *book.User) User {
	out := User{ID: u.Name, Scope: u.Scope, Streams: u.Streams, Declared: a.declared(u.Name)}
	if !u.Created.IsZero() {
		out.Created = &u.Created
	}
	return out
}

func (a *Auth) listUsers(_ context.Context, in *rest.Paging) (*struct{ Body *rest.Page[User] }, error) {
	all := []User{}
	for _, u := range a.index.Load().users {
		all = append(all, a.user(u))
	}
	return pageOf(*in, all, func(u User) string { return u.ID })
}

// pageOf is a page of a list in the order of its keys.
func pageOf[T any](p rest.Paging, all []T, key func(T) string) (*struct{ Body *rest.Page[T] }, error) {
	slices.SortFunc(all, func(x, y T) int { return strings.Compare(key(x), key(y)) })
	page, err := rest.PageOf(p, all, key)
	return &struct{ Body *rest.Page[T] }{page}, err
}

func (a *Auth) createUser(ctx context.Context, in *userInput) (*oneUser, error) {
	return rest.Do(ctx, &a.once, in.Idempotent, "create-user", in.Body, func() (*oneUser, error) { return a.makeUser(ctx, in) })
}

func (a *Auth) makeUser(ctx context.Context, in *userInput) (*oneUser, error) {
	if in.Body.Scope == "" {
		in.Body.Scope = string(rest.Read)
	}
	u, err := a.newUser(ctx, in.Body.Name, in.Body.Password, rest.Scope(in.Body.Scope), in.Body.Streams)
	if err != nil {
		return nil, err
	}
	err = a.update(func(b *book.Book) error {
		if b.User(u.Name) != nil || a.declared(u.Name) {
			return rest.Fail(http.StatusConflict, "exists", "There is a user of this name.")
		}
		if len(b.Users) == 0 && len(a.settings.Users) == 0 && (u.Scope != string(rest.Admin) || len(u.Streams) > 0) {
			return lastAdmin()
		}
		b.Users = append(b.Users, *u)
		return nil
	})
	if err != nil {
		return nil, a.failed(err)
	}
	a.by(ctx, "user made", "user", u.Name, "scope", u.Scope)
	return &oneUser{Status: http.StatusCreated, Location: rest.Root + "/users/" + escape(u.Name), Body: a.user(u)}, nil
}

func lastAdmin() error {
	return rest.Fail(http.StatusConflict, "last_admin", "There must be a user with the scope admin for all streams.")
}

// keepsAdmin says whether there is somebody who may do everything.
func (a *Auth) keepsAdmin(b *book.Book) bool {
	for _, u := range a.settings.Users {
		if u.Scope == string(rest.Admin) && len(u.Streams) == 0 {
			return true
		}
	}
	return slices.ContainsFunc(b.Users, func(u book.User) bool { return u.Scope == string(rest.Admin) && len(u.Streams) == 0 })
}

func (a *Auth) changeUser(ctx context.Context, in *userChange) (*oneUser, error) {
	hash := ""
	if in.Body.Password != nil {
		if err := password.Check(*in.Body.Password); err != nil {
			return nil, invalid(err)
		}
		var err error
		if hash, err = a.hasher.Hash(ctx, *in.Body.Password); err != nil {
			return nil, slow()
		}
	}
	var changed book.User
	err := a.update(func(b *book.Book) error {
		u := b.User(in.ID)
		if err := a.changeable(u, in.ID); err != nil {
			return err
		}
		if hash != "" {
			u.Hash = hash
		}
		if in.Body.Scope != nil {
			u.Scope = *in.Body.Scope
		}
		if in.Body.Streams != nil {
			u.Streams = *in.Body.Streams
		}
		if !a.keepsAdmin(b) {
			return lastAdmin()
		}
		changed = *u
		return nil
	})
	if err != nil {
		return nil, a.failed(err)
	}
	a.by(ctx, "user changed", "user", in.ID)
	return &oneUser{Status: http.StatusOK, Body: a.user(&changed)}, nil
}

func (a *Auth) changeable(u *book.User, name string) error {
	switch {
	case a.declared(name):
		return rest.Fail(http.StatusConflict, "declared", "This user stands in the configuration: change it there.")
	case u == nil:
		return notFound("user")
	default:
		return nil
	}
}

func (a *Auth) removeUser(ctx context.Context, in *byID) (*nothing, error) {
	err := a.update(func(b *book.Book) error {
		if err := a.changeable(b.User(in.ID), in.ID); err != nil {
			return err
		}
		b.Users = slices.DeleteFunc(b.Users, func(u book.User) bool { return u.Name == in.ID })
		if !a.keepsAdmin(b) {
			return lastAdmin()
		}
		return nil
	})
	if err != nil {
		return nil, a.failed(err)
	}
	a.by(ctx, "user removed", "user", in.ID)
	return none(), nil
}
