package jwt

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The kinds of tokens that are no good.
var (
	// ErrNone is for a text that is no JWT.
	ErrNone = errors.New("not a JWT")
	// ErrWrong is for a token of somebody else, for somebody else, or not yet valid.
	ErrWrong = errors.New("the token is not good here")
	// ErrExpired is for a token whose time is past.
	ErrExpired = errors.New("the token has expired")
	// ErrUnavailable is for want of keys.
	ErrUnavailable = errors.New("the keys that tokens are checked with cannot be loaded")
)

// Config says whose tokens are good. Audience and Keys must be set.
type Config struct {
	// Audience must be among the token's; Issuer, if set, must be its issuer.
	Audience, Issuer string
	// Leeway is how far clocks may be apart.
	Leeway time.Duration
	Keys   *Keys
}

// Claims are what a good token says.
type Claims struct {
	Subject string
	Expires time.Time
	// Streams are patterns of paths; none if it does not say. Actions are publish, play,
	// and the scopes of the API.
	Streams, Actions []string
}

const (
	longest = 8 << 10 // bytes of a token
	maxList = 64      // streams, actions
)

// Verify checks a token.
func (c *Config) Verify(ctx context.Context, token string) (*Claims, error) {
	header, err := c.header(token)
	if err != nil {
		return nil, err
	}
	keys, err := c.Keys.find(ctx, header.kid)
	if err != nil {
		return nil, err
	}
	options := []jwt.ParserOption{
		jwt.WithExpirationRequired(), jwt.WithAudience(c.Audience), jwt.WithLeeway(c.Leeway), jwt.WithIssuedAt(),
		jwt.WithStrictDecoding(), jwt.WithTimeFunc(time.Now),
	}
	if c.Issuer != "" {
		options = append(options, jwt.WithIssuer(c.Issuer))
	}
	result := fmt.Errorf("%w: none of the keys is for it", ErrWrong)
	for _, k := range keys {
		parser := jwt.NewParser(append(options, jwt.WithValidMethods(k.algorithms))...)
		said := new(claims)
		_, err := parser.ParseWithClaims(token, said, func(*jwt.Token) (any, error) { return k.material, nil })
		switch {
		case err == nil:
			return &Claims{said.subject, said.expires.Time, said.streams, said.actions}, nil
		case errors.Is(err, jwt.ErrTokenExpired): // which is only asked with a good signature
			return nil, ErrExpired
		case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		default:
			result = fmt.Errorf("%w: %w", ErrWrong, err)
		}
	}
	return nil, result
}

type header struct{ kid string }

// header checks what the library does not.
func (c *Config) header(token string) (header, error) {
	var h header
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > longest || strings.ContainsAny(token, "\r\n") { // which base64 would skip
		return h, ErrNone
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(parts[0])
	if err != nil {
		return h, ErrNone
	}
	members, err := object(text)
	if err != nil {
		return h, fmt.Errorf("%w: its header: %w", ErrNone, err)
	}
	if _, ok := members["crit"]; ok {
		return h, fmt.Errorf("%w: it has critical extensions", ErrWrong)
	}
	if kid, ok := members["kid"]; ok && json.Unmarshal(kid, &h.kid) != nil {
		return h, fmt.Errorf("%w: its kid is no text", ErrWrong)
	}
	return h, nil
}

// claims are the token's payload as it stands: names in another case are other names.
type claims struct {
	subject, issuer            string
	expires, notBefore, issued *jwt.NumericDate
	audience                   jwt.ClaimStrings
	streams, actions           []string
}

// UnmarshalJSON reads the payload.
func (c *claims) UnmarshalJSON(text []byte) error {
	members, err := object(text)
	if err != nil {
		return err
	}
	for name, into := range map[string]any{
		"sub": &c.subject, "iss": &c.issuer, "exp": &c.expires, "nbf": &c.notBefore, "iat": &c.issued,
		"aud": &c.audience, "streams": &c.streams, "actions": &c.actions,
	} {
		if value, ok := members[name]; ok {
			if err := json.Unmarshal(value, into); err != nil {
				return fmt.Errorf("its claim %s is of no such kind", name)
			}
		}
	}
	if len(c.streams) > maxList || len(c.actions) > maxList || len(c.subject) > 256 {
		return errors.New("its claims are too long")
	}
	return nil
}

// The methods are those of jwt.Claims.

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.expires, nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.issued, nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return c.notBefore, nil }
func (c *claims) GetIssuer() (string, error)                   { return c.issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return c.audience, nil }
