package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"strings"
	"sync"

	"weir/control/auth/book"
)

// setup is the token by which the first user is made. It is good until there is a user,
// or until the process ends.
type setup struct {
	mu     sync.Mutex // guards secret, and is held while the first user is made
	secret string
}

func newSetup() *setup { return &setup{secret: strings.ToLower(rand.Text())} }

// matches compares in time that depends on nothing.
func (s *setup) matches(offered string) bool {
	return subtle.ConstantTimeCompare([]byte(book.Sum(s.secret)), []byte(book.Sum(offered))) == 1
}

// SetupNeeded says whether there is no user yet.
func (a *Auth) SetupNeeded() bool { return len(a.index.Load().users) == 0 }

// SetupToken is what makes the first user, for whoever sees the server's output; "" if
// there is a user.
func (a *Auth) SetupToken() string {
	if !a.SetupNeeded() {
		return ""
	}
	return a.setup.secret
}
