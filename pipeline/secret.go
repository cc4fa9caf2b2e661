package pipeline

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
)

// Redacted is how a Secret prints.
const Redacted = "***"

// Secret is a text that must not be seen: a publish key, a password. However it
// is printed, logged or encoded, it shows as "***". Reveal is the only way to it.
type Secret struct{ text string }

// NewSecret wraps s.
func NewSecret(s string) Secret { return Secret{s} }

// Reveal is the secret text. Its result goes to a peer that must have it, never
// to a log, an error or a page.
func (s Secret) Reveal() string { return s.text }

// Empty says whether there is no secret.
func (s Secret) Empty() bool { return s.text == "" }

// Equal compares with an offered text in time that depends on neither's content.
// An empty secret equals nothing, not even an empty offer.
func (s Secret) Equal(offered string) bool {
	a, b := sha256.Sum256([]byte(s.text)), sha256.Sum256([]byte(offered))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && s.text != ""
}

// String hides the text.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return Redacted
}

// GoString hides the text from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the text from JSON, YAML and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText sets the text.
func (s *Secret) UnmarshalText(b []byte) error {
	s.text = string(b)
	return nil
}

// LogValue hides the text from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
