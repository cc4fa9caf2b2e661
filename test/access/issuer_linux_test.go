//go:build e2e

package access

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// issuer makes JWTs, good ones and others, with a key of every kind.
type issuer struct {
	rsa    *rsa.PrivateKey
	ec     *ecdsa.PrivateKey
	ed     ed25519.PrivateKey
	secret []byte
	public []byte // the RSA key, in PEM
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{secret: []byte("a-secret-that-two-programs-share")}
	var errs [3]error
	i.rsa, errs[0] = rsa.GenerateKey(rand.Reader, 2048)
	i.ec, errs[1] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, i.ed, errs[2] = ed25519.GenerateKey(rand.Reader)
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	der, err := x509.MarshalPKIXPublicKey(&i.rsa.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	i.public = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return i
}

// set is a JSON Web Key Set, with the shared secret or without.
func (i *issuer) set(t *testing.T, secrets bool) []byte {
	t.Helper()
	point, err := i.ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	keys := []map[string]any{
		{"kty": "RSA", "kid": "r", "use": "sig", "n": b64(i.rsa.N.Bytes()), "e": "AQAB"},
		{"kty": "EC", "kid": "e", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
		{"kty": "OKP", "kid": "d", "crv": "Ed25519", "alg": "EdDSA", "x": b64(i.ed.Public().(ed25519.PublicKey))},
	}
	if secrets {
		keys = append(keys, map[string]any{"kty": "oct", "kid": "h", "k": b64(i.secret)})
	}
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// raw is a token of these parts, signed as the method says, whatever they are.
func raw(t *testing.T, method jwt.SigningMethod, key any, header, payload string) string {
	t.Helper()
	text := b64([]byte(header)) + "." + b64([]byte(payload))
	sig, err := method.Sign(text, key)
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + b64(sig)
}

// payload is what a token says that is good for nine minutes, so that it may stand in a
// URL; changes replace claims, and nil takes one away.
func payload(changes map[string]any) string {
	claims := map[string]any{
		"sub": "ann", "iss": "id", "aud": "weir", "exp": time.Now().Add(9 * time.Minute).Unix(),
		"streams": []string{"live/*", "web/*", "show/*"}, "actions": []string{"publish", "play"},
	}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err) // a map of texts and numbers
	}
	return string(text)
}

// kinds are the families of algorithms.
func (i *issuer) kinds() []struct {
	name   string
	method jwt.SigningMethod
	key    any
	header string
} {
	return []struct {
		name   string
		method jwt.SigningMethod
		key    any
		header string
	}{
		{"JWT HS", jwt.SigningMethodHS256, i.secret, `{"alg":"HS256","kid":"h"}`},
		{"JWT RS", jwt.SigningMethodRS256, i.rsa, `{"alg":"RS256","kid":"r"}`},
		{"JWT ES", jwt.SigningMethodES256, i.ec, `{"alg":"ES256","kid":"e"}`},
		{"JWT EdDSA", jwt.SigningMethodEdDSA, i.ed, `{"alg":"EdDSA","kid":"d"}`},
	}
}

// confused are tokens that must be good for nothing, by what they try (RFC 8725).
func (i *issuer) confused(t *testing.T) map[string]string {
	t.Helper()
	good, hour := payload(nil), time.Now().Add(time.Hour).Unix()
	rs := func(header, payload string) string { return raw(t, jwt.SigningMethodRS256, i.rsa, header, payload) }
	hs := func(key []byte, header string) string {
		return raw(t, jwt.SigningMethodHS256, key, header, payload(nil))
	}
	ok := rs(`{"alg":"RS256","kid":"r"}`, good)
	der, _ := pem.Decode(i.public)
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{
		"none":                  b64([]byte(`{"alg":"none"}`)) + "." + b64([]byte(good)) + ".",
		"None":                  b64([]byte(`{"alg":"None","kid":"r"}`)) + "." + b64([]byte(good)) + ".",
		"none, with a sum":      rs(`{"alg":"none","kid":"r"}`, good),
		"no algorithm":          rs(`{"kid":"r"}`, good),
		"HS by the public PEM":  hs(i.public, `{"alg":"HS256","kid":"r"}`),
		"HS by the public DER":  hs(der.Bytes, `{"alg":"HS256","kid":"r"}`),
		"HS by the modulus":     hs(i.rsa.N.Bytes(), `{"alg":"HS256","kid":"r"}`),
		"HS by an empty key":    hs(nil, `{"alg":"HS256","kid":"h"}`),
		"RS as ES":              rs(`{"alg":"ES256","kid":"e"}`, good),
		"RS in small letters":   rs(`{"alg":"rs256","kid":"r"}`, good),
		"kid of a file":         hs(nil, `{"alg":"HS256","kid":"../../../../dev/null"}`),
		"kid of a query":        hs(nil, `{"alg":"HS256","kid":"h' UNION SELECT '"}`),
		"kid that is unknown":   rs(`{"alg":"RS256","kid":"zzz"}`, good),
		"kid that is no text":   rs(`{"alg":"RS256","kid":["r"]}`, good),
		"a key of its own":      raw(t, jwt.SigningMethodRS256, foreign, fmt.Sprintf(`{"alg":"RS256","jwk":{"kty":"RSA","n":%q,"e":"AQAB"}}`, b64(foreign.N.Bytes())), good),
		"a key elsewhere":       raw(t, jwt.SigningMethodRS256, foreign, `{"alg":"RS256","kid":"r","jku":"https://198.51.100.7/keys"}`, good),
		"critical extensions":   rs(`{"alg":"RS256","kid":"r","crit":["exp"]}`, good),
		"algorithm twice":       rs(`{"alg":"none","alg":"RS256","kid":"r"}`, good),
		"kid twice":             rs(`{"alg":"RS256","kid":"x","kid":"r"}`, good),
		"expiry twice":          rs(`{"alg":"RS256","kid":"r"}`, `{"exp":1,`+good[1:]),
		"streams twice":         rs(`{"alg":"RS256","kid":"r"}`, `{"streams":["none"],`+good[1:]),
		"for another":           rs(`{"alg":"RS256","kid":"r"}`, payload(map[string]any{"aud": "somebody"})),
		"for nobody":            rs(`{"alg":"RS256","kid":"r"}`, payload(map[string]any{"aud": nil})),
		"for some others":       rs(`{"alg":"RS256","kid":"r"}`, payload(map[string]any{"aud": []string{"weir2", "WEIR", ""}})),
		"of another issuer":     rs(`{"alg":"RS256","kid":"r"}`, payload(map[string]any{"iss": "eve"})),
		"not yet valid":         rs(`{"alg":"RS256","kid":"r"}`, payload(map[string]any{"nbf": hour})),
		"made in the future":    rs(`{"alg":"RS256","kid":"r"}`, payload(map[string]any{"iat": hour})),
		"valid for ever":        rs(`{"alg":"RS256","kid":"r"}`, payload(map[string]any{"exp": nil})),
		"an expiry that is one": rs(`{"alg":"RS256","kid":"r"}`, payload(map[string]any{"exp": "tomorrow"})),
		"EXP for exp":           rs(`{"alg":"RS256","kid":"r"}`, payload(map[string]any{"exp": nil, "EXP": hour})),
		"another payload":       ok[:len(b64([]byte(`{"alg":"RS256","kid":"r"}`)))+1] + b64([]byte(payload(map[string]any{"sub": "eve"}))) + ok[len(ok)-343:],
		"half a sum":            ok[:len(ok)-100],
		"without a sum":         ok[:len(ok)-342],
		"four parts":            ok + "." + b64([]byte("x")),
		"of another key":        raw(t, jwt.SigningMethodRS256, foreign, `{"alg":"RS256","kid":"r"}`, good),
	}
	return all
}
