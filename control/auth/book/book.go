package book

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Version is that of the file's form.
const Version = 1

// Book is what the file says. Those who read it share it: nobody changes one, except in
// the function that [Store.Update] calls.
type Book struct {
	Version int        `json:"version"`
	Users   []User     `json:"users,omitempty"`
	Tokens  []Token    `json:"tokens,omitempty"`
	Keys    []Key      `json:"keys,omitempty"`
	Signers []Signer   `json:"signers,omitempty"`
	Used    []LastUsed `json:"used,omitempty"` // of tokens and keys, some minutes late
}

// User is somebody who signs in.
type User struct {
	Name string `json:"name"`
	// Hash is that of the password, of package password.
	Hash string `json:"hash"`
	// Scope is a rest.Scope: read, operate, configure, admin.
	Scope string `json:"scope"`
	// Streams are patterns; empty is all streams.
	Streams []string  `json:"streams,omitempty"`
	Created time.Time `json:"created"`
}

// Token is what a program shows.
type Token struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Sum is the SHA-256 of the secret, in hexadecimal.
	Sum string `json:"sha256"`
	// Scopes are those of a user, and publish and play.
	Scopes  []string  `json:"scopes"`
	Streams []string  `json:"streams,omitempty"`
	Created time.Time `json:"created"`
	// Expires is zero for never.
	Expires time.Time `json:"expires,omitzero"`
}

// Key is what a publisher shows.
type Key struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Sum  string `json:"sha256"`
	// Stream is a pattern.
	Stream  string    `json:"stream"`
	Created time.Time `json:"created"`
	// From and Expires bound when it is valid; zero is no bound.
	From    time.Time `json:"valid_from,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
}

// Signer is a key that links are signed with.
type Signer struct {
	ID      string    `json:"id"`
	Secret  []byte    `json:"secret"`
	Created time.Time `json:"created"`
}

// LastUsed says when a token or a key was last good.
type LastUsed struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

// The prefixes of secrets, by which people and scanners of sources know them.
const (
	TokenPrefix = "weirt_"
	KeyPrefix   = "weirk_"
)

// NewSecret makes a secret of 130 random bits, and the sum that is kept of it.
func NewSecret(prefix string) (secret, sum string) {
	secret = prefix + strings.ToLower(rand.Text())
	return secret, Sum(secret)
}

// Sum is what is kept of a secret. Its secrets are random, so that a fast hash will do.
func Sum(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// NewID names a token, a key or a signer.
func NewID() string { return strings.ToLower(rand.Text()[:12]) }

// Valid says whether a key may be used now.
func (k *Key) Valid(now time.Time) bool {
	return !now.Before(k.From) && !k.Over(now)
}

// Over says whether a key's time is past.
func (k *Key) Over(now time.Time) bool { return !k.Expires.IsZero() && !now.Before(k.Expires) }

// Over says whether a token's time is past.
func (t *Token) Over(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

// User finds a user, or nil.
func (b *Book) User(name string) *User {
	return at(b.Users, slices.IndexFunc(b.Users, func(u User) bool { return u.Name == name }))
}

// Token finds a token by its ID, or nil.
func (b *Book) Token(id string) *Token {
	return at(b.Tokens, slices.IndexFunc(b.Tokens, func(t Token) bool { return t.ID == id }))
}

// Key finds a key by its ID, or nil.
func (b *Book) Key(id string) *Key {
	return at(b.Keys, slices.IndexFunc(b.Keys, func(k Key) bool { return k.ID == id }))
}

// DropToken removes a token. It says whether there was one of that ID.
func (b *Book) DropToken(id string) bool {
	had := len(b.Tokens)
	b.Tokens = slices.DeleteFunc(b.Tokens, func(t Token) bool { return t.ID == id })
	return len(b.Tokens) < had
}

// DropKey removes a key. It says whether there was one of that ID.
func (b *Book) DropKey(id string) bool {
	had := len(b.Keys)
	b.Keys = slices.DeleteFunc(b.Keys, func(k Key) bool { return k.ID == id })
	return len(b.Keys) < had
}

// Signer finds a signer by its ID, or nil.
func (b *Book) Signer(id string) *Signer {
	return at(b.Signers, slices.IndexFunc(b.Signers, func(s Signer) bool { return s.ID == id }))
}

func at[T any](list []T, i int) *T {
	if i < 0 {
		return nil
	}
	return &list[i]
}

// LastUsed says when a token or key was last good; zero is never.
func (b *Book) LastUsed(id string) time.Time {
	if u := at(b.Used, slices.IndexFunc(b.Used, func(u LastUsed) bool { return u.ID == id })); u != nil {
		return u.At
	}
	return time.Time{}
}

// Touch notes when tokens and keys were used, and forgets those that are no more.
func (b *Book) Touch(used map[string]time.Time) {
	for _, u := range b.Used {
		if used[u.ID].Before(u.At) {
			used[u.ID] = u.At
		}
	}
	b.Used = nil
	for id, when := range used {
		if b.Token(id) != nil || b.Key(id) != nil {
			b.Used = append(b.Used, LastUsed{id, when})
		}
	}
	slices.SortFunc(b.Used, func(x, y LastUsed) int { return strings.Compare(x.ID, y.ID) })
}

// Retire has a key expire after a while, if it does not before.
func (b *Book) Retire(id string, after time.Duration, now time.Time) error {
	k := b.Key(id)
	if k == nil {
		return fmt.Errorf("there is no key %q", id)
	}
	end := now.Add(after).UTC().Truncate(time.Second)
	if k.Expires.IsZero() || end.Before(k.Expires) {
		k.Expires = end
	}
	if !k.Expires.After(k.From) { // it was never good
		k.From = time.Time{}
	}
	return nil
}

// Newest is the key that links are signed with; nil if there is none.
func (b *Book) Newest() *Signer {
	if len(b.Signers) == 0 {
		return nil
	}
	return &b.Signers[len(b.Signers)-1]
}

// Resign adds a key that links are signed with from now on. Links of those before it stay
// good, of as many as there may be.
func (b *Book) Resign(now time.Time) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it does not fail
	if len(b.Signers) == maxSigners {
		b.Signers = b.Signers[1:]
	}
	b.Signers = append(b.Signers, Signer{ID: NewID(), Secret: secret, Created: now.UTC().Truncate(time.Second)})
}
