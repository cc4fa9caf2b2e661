package auth

import (
	"strings"

	"weir/control/auth/book"
)

// index is the book in the order in which it is asked. It is immutable.
type index struct {
	*book.Book
	users  map[string]*book.User  // by name
	tokens map[string]*book.Token // by sum
	keys   map[string]*book.Key   // by sum
}

// reindex takes up what the book says, and the users of the configuration, who come
// before those of the book.
func (a *Auth) reindex() {
	b := a.store.Book()
	x := &index{
		Book: b, users: make(map[string]*book.User), tokens: make(map[string]*book.Token, len(b.Tokens)),
		keys: make(map[string]*book.Key, len(b.Keys)),
	}
	for i := range b.Users {
		x.users[b.Users[i].Name] = &b.Users[i]
	}
	for _, u := range a.settings.Users {
		x.users[u.Name] = &book.User{Name: u.Name, Hash: u.Hash.Reveal(), Scope: u.Scope, Streams: u.Streams}
	}
	for i := range b.Tokens {
		x.tokens[b.Tokens[i].Sum] = &b.Tokens[i]
	}
	for i := range b.Keys {
		x.keys[b.Keys[i].Sum] = &b.Keys[i]
	}
	a.index.Store(x)
}

// declared says whether a user is the configuration's.
func (a *Auth) declared(name string) bool {
	for _, u := range a.settings.Users {
		if u.Name == name {
			return true
		}
	}
	return false
}

// mark tells one state of a user from the next: a session rests on it.
func mark(u *book.User) string {
	return book.Sum(u.Name + "\n" + u.Hash + "\n" + u.Scope + "\n" + strings.Join(u.Streams, "\n"))
}

// asks says whether there is a key for a stream, so that publishers must show one.
func (x *index) asks(stream string) bool {
	for _, k := range x.keys {
		if book.Matches([]string{k.Stream}, stream) {
			return true
		}
	}
	return false
}
