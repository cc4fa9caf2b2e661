package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// What a new hash costs: OWASP's least for argon2id. A login takes some tens of
// milliseconds and 19 MiB.
const (
	memory  = 19 << 10 // KiB
	rounds  = 2
	lanes   = 1
	saltLen = 16
	hashLen = 32
)

// What a hash that somebody else made may cost.
const (
	mostMemory = 128 << 10 // KiB
	mostRounds = 8
	mostLanes  = 4
)

// The lengths of a password in bytes.
const (
	Shortest = 8
	Longest  = 1024
)

// Check says what is wrong with a new password.
func Check(text string) error {
	switch {
	case len(text) < Shortest:
		return fmt.Errorf("a password has at least %d characters", Shortest)
	case len(text) > Longest:
		return fmt.Errorf("a password has at most %d bytes", Longest)
	default:
		return nil
	}
}

// hash is a hash taken apart.
type hash struct {
	memory, rounds uint32
	lanes          uint8
	salt, sum      []byte
}

// Parse checks a hash.
func Parse(text string) error {
	_, err := parse(text)
	return err
}

func parse(text string) (hash, error) {
	errForm := errors.New("not a hash of argon2id: make one with weir hash")
	parts := strings.Split(text, "$")
	if len(text) > 512 || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v=19" {
		return hash{}, errForm
	}
	var h hash
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return hash{}, errForm
	}
	for i, at := range []struct {
		name string
		most uint64
		set  func(uint64)
	}{
		{"m=", mostMemory, func(n uint64) { h.memory = uint32(n) }},
		{"t=", mostRounds, func(n uint64) { h.rounds = uint32(n) }},
		{"p=", mostLanes, func(n uint64) { h.lanes = uint8(n) }},
	} {
		digits, ok := strings.CutPrefix(costs[i], at.name)
		n, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || n == 0 {
			return hash{}, errForm
		}
		if n > at.most {
			return hash{}, fmt.Errorf("the hash costs too much: %s%d, at most %d", at.name, n, at.most)
		}
		at.set(n)
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil || len(h.salt) < 8 || len(h.salt) > 64 {
		return hash{}, errForm
	}
	if h.sum, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(h.sum) < 16 || len(h.sum) > 64 {
		return hash{}, errForm
	}
	return h, nil
}

func (h hash) matches(text string) bool {
	sum := argon2.IDKey([]byte(text), h.salt, h.rounds, h.memory, h.lanes, uint32(len(h.sum)))
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}

// Hasher computes hashes, few at once, so that a flood of logins takes neither the memory
// nor the processor. The zero Hasher is not usable: use [NewHasher].
type Hasher struct {
	memory, rounds uint32 // of new hashes
	slots          chan struct{}
}

// NewHasher makes a Hasher that computes at most atOnce hashes at a time.
func NewHasher(atOnce int) *Hasher {
	return &Hasher{memory, rounds, make(chan struct{}, atOnce)}
}

// Light is a Hasher for tests, whose hashes cost next to nothing and hide nothing.
func Light() *Hasher { return &Hasher{8, 1, make(chan struct{}, 1)} }

func (h *Hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("too many logins at once: %w", ctx.Err())
	}
}

// Hash is the hash of a new password.
func (h *Hasher) Hash(ctx context.Context, text string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer func() { <-h.slots }()
	return hashed(text, h.memory, h.rounds), nil
}

// Hash is the hash of a new password, computed at once.
func Hash(text string) string { return hashed(text, memory, rounds) }

func hashed(text string, memory, rounds uint32) string {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // it does not fail
	sum := argon2.IDKey([]byte(text), salt, rounds, memory, lanes, hashLen)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", memory, rounds, lanes, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// Matches says whether a password is that of a hash. An empty hash, that of nobody, takes
// as long as any other and matches nothing. It fails only when ctx ends before its turn.
func (h *Hasher) Matches(ctx context.Context, hashed, text string) (bool, error) {
	if len(text) > Longest {
		return false, nil
	}
	known, err := parse(hashed)
	if err != nil {
		known = hash{memory: h.memory, rounds: h.rounds, lanes: lanes, salt: make([]byte, saltLen), sum: make([]byte, hashLen)}
	}
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer func() { <-h.slots }()
	return known.matches(text) && err == nil, nil
}
