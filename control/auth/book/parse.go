package book

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"unicode"

	"weir/control/auth/password"
	"weir/control/rest"
)

// What a book may hold.
const (
	MaxSize    = 8 << 20 // bytes of the file
	maxUsers   = 1000
	maxTokens  = 10_000
	maxKeys    = 10_000
	maxSigners = 16
	maxStreams = 64  // patterns of one user or token
	longName   = 128 // bytes
)

// The scopes that only tokens have beside those of rest: to publish and to play.
const (
	Publish = "publish"
	Play    = "play"
)

// Parse reads a book and checks all of it.
func Parse(text []byte) (*Book, error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("it has more than %d bytes", MaxSize)
	}
	b := new(Book)
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(b); err != nil {
		return nil, fmt.Errorf("it is no such file: %w", err)
	}
	if d.More() {
		return nil, errors.New("something follows the end")
	}
	return b, b.Check()
}

// Check says what is wrong with a book.
func (b *Book) Check() error {
	if b.Version != Version {
		return fmt.Errorf("it has the version %d; this program knows %d", b.Version, Version)
	}
	if len(b.Users) > maxUsers || len(b.Tokens) > maxTokens || len(b.Keys) > maxKeys || len(b.Signers) > maxSigners || len(b.Used) > maxTokens+maxKeys {
		return fmt.Errorf("there are too many entries: at most %d users, %d tokens, %d keys and %d signers", maxUsers, maxTokens, maxKeys, maxSigners)
	}
	ids := make(map[string]bool)
	once := func(kind, id string) error {
		if ids[kind+id] {
			return fmt.Errorf("there are two of the name %q", id)
		}
		ids[kind+id] = true
		return nil
	}
	for i := range b.Users {
		if err := errors.Join(b.Users[i].check(), once("user ", b.Users[i].Name)); err != nil {
			return err
		}
	}
	for i := range b.Tokens {
		t := &b.Tokens[i]
		if err := errors.Join(t.check(), once("", t.ID), once("sum ", t.Sum)); err != nil {
			return err
		}
	}
	for i := range b.Keys {
		k := &b.Keys[i]
		if err := errors.Join(k.check(), once("", k.ID), once("sum ", k.Sum)); err != nil {
			return err
		}
	}
	for _, s := range b.Signers {
		if len(s.Secret) < 16 || len(s.Secret) > 64 || !validID(s.ID) {
			return fmt.Errorf("the signer %.20q has no secret of 16 to 64 bytes", s.ID)
		}
		if err := once("signer ", s.ID); err != nil {
			return err
		}
	}
	return nil
}

func validID(id string) bool { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`).MatchString(id) }

// CheckName says what is wrong with the name of a user, a token or a key.
func CheckName(name string) error {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	if name == "" || len(name) > longName || bytes.ContainsFunc([]byte(name), unprintable) {
		return fmt.Errorf("a name has 1 to %d bytes that can be printed", longName)
	}
	return nil
}

func checkStreams(patterns []string) error {
	if len(patterns) > maxStreams {
		return fmt.Errorf("%d patterns of streams; at most %d are allowed", len(patterns), maxStreams)
	}
	for _, p := range patterns {
		if err := CheckPattern(p); err != nil {
			return err
		}
	}
	return nil
}

func validSum(sum string) bool {
	b, err := hex.DecodeString(sum)
	return err == nil && len(b) == 32 && hex.EncodeToString(b) == sum
}

// IsScope says whether a word is the scope of an API operation.
func IsScope(s string) bool {
	return s != "" && rest.Admin.Includes(rest.Scope(s)) && rest.Scope(s).Includes(rest.Read)
}

func (u *User) check() error {
	if !IsScope(u.Scope) {
		return fmt.Errorf("the user %.20q has the scope %.20q: it is read, operate, configure or admin", u.Name, u.Scope)
	}
	return errors.Join(CheckName(u.Name), password.Parse(u.Hash), checkStreams(u.Streams))
}

func (t *Token) check() error {
	if !validID(t.ID) || !validSum(t.Sum) {
		return fmt.Errorf("the token %.20q has no id and SHA-256", t.ID)
	}
	if len(t.Scopes) == 0 || len(t.Scopes) > 6 || slices.ContainsFunc(t.Scopes, func(s string) bool { return !IsScope(s) && s != Publish && s != Play }) {
		return errors.New("a token's scopes are of read, operate, configure, admin, publish and play")
	}
	return errors.Join(CheckName(t.Name), checkStreams(t.Streams))
}

func (k *Key) check() error {
	if !validID(k.ID) || !validSum(k.Sum) {
		return fmt.Errorf("the key %.20q has no id and SHA-256", k.ID)
	}
	if !k.Expires.IsZero() && !k.Expires.After(k.From) {
		return errors.New("a key expires after it has become valid")
	}
	return errors.Join(CheckName(k.Name), CheckPattern(k.Stream))
}
