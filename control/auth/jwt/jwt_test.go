package jwt

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const secret = "0123456789abcdef0123456789abcdef"

// issuer has a key of every kind.
type issuer struct {
	rsa     *rsa.PrivateKey
	ec      *ecdsa.PrivateKey
	ed      ed25519.PrivateKey
	set     []byte // as a JSON Web Key Set
	rsaPEM  []byte
	foreign *rsa.PrivateKey
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	i := new(issuer)
	var err error
	i.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	i.foreign, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	i.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	_, i.ed, err = ed25519.GenerateKey(rand.Reader)
	must(err)
	der, err := x509.MarshalPKIXPublicKey(&i.rsa.PublicKey)
	must(err)
	i.rsaPEM = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	point, err := i.ec.PublicKey.Bytes()
	must(err)
	i.set, err = json.Marshal(map[string]any{"keys": []map[string]any{
		{"kty": "RSA", "kid": "r", "use": "sig", "n": b64(i.rsa.N.Bytes()), "e": "AQAB"},
		{"kty": "EC", "kid": "e", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
		{"kty": "OKP", "kid": "d", "crv": "Ed25519", "alg": "EdDSA", "x": b64(i.ed.Public().(ed25519.PublicKey))},
		{"kty": "oct", "kid": "h", "k": b64([]byte(secret))},
		{"kty": "RSA", "kid": "enc", "use": "enc", "n": "AA", "e": "AQAB"},
		{"kty": "new"},
	}})
	must(err)
	return i
}

// token is one with the given parts, signed as its method says, whatever they are.
func token(t testing.TB, method jwt.SigningMethod, key any, header, payload string) string {
	t.Helper()
	text := b64([]byte(header)) + "." + b64([]byte(payload))
	sig, err := method.Sign(text, key)
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + b64(sig)
}

const good = `{"sub":"ann","aud":"weir","iss":"us","exp":946688400,"streams":["live/*"],"actions":["play"]}` // an hour into synctest's time

func TestVectors(t *testing.T) {
	i := newIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		c := &Config{Audience: "weir", Issuer: "us", Leeway: 10 * time.Second, Keys: NewKeys(func(context.Context) ([]byte, error) { return i.set, nil }, true)}
		hs := []byte(secret)
		edit := func(old, text string) string {
			if !strings.Contains(good, old) {
				t.Fatal(old)
			}
			return strings.Replace(good, old, text, 1)
		}
		for _, v := range []struct {
			name    string
			method  jwt.SigningMethod
			key     any
			header  string
			payload string
			want    error
		}{
			{"HS256", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h"}`, good, nil},
			{"RS256", jwt.SigningMethodRS256, i.rsa, `{"alg":"RS256","kid":"r"}`, good, nil},
			{"PS256", jwt.SigningMethodPS256, i.rsa, `{"alg":"PS256","kid":"r"}`, good, nil},
			{"ES256", jwt.SigningMethodES256, i.ec, `{"alg":"ES256","kid":"e"}`, good, nil},
			{"EdDSA", jwt.SigningMethodEdDSA, i.ed, `{"alg":"EdDSA","kid":"d"}`, good, nil},
			{"no kid", jwt.SigningMethodEdDSA, i.ed, `{"alg":"EdDSA"}`, good, nil},
			{"several audiences", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h"}`, edit(`"weir"`, `["a","weir"]`), nil},
			{"in the leeway", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h"}`, edit("946688400", "946684795"), nil},

			{"none", jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, `{"alg":"none"}`, good, ErrWrong},
			{"None", jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, `{"alg":"None","kid":"h"}`, good, ErrWrong},
			{"no alg", jwt.SigningMethodHS256, hs, `{"kid":"h"}`, good, ErrWrong},
			{"HS with the RSA public key in PEM", jwt.SigningMethodHS256, i.rsaPEM, `{"alg":"HS256","kid":"r"}`, good, ErrWrong},
			{"HS with the RSA public key's number", jwt.SigningMethodHS256, i.rsa.N.Bytes(), `{"alg":"HS256","kid":"r"}`, good, ErrWrong},
			{"HS with an empty key", jwt.SigningMethodHS256, []byte{}, `{"alg":"HS256","kid":"h"}`, good, ErrWrong},
			{"an algorithm that the key is not for", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"d"}`, good, ErrWrong},
			{"kid of another key", jwt.SigningMethodRS256, i.rsa, `{"alg":"RS256","kid":"e"}`, good, ErrWrong},
			{"kid that is a path", jwt.SigningMethodHS256, []byte{}, `{"alg":"HS256","kid":"../../dev/null"}`, good, ErrWrong},
			{"kid that is SQL", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"x' UNION SELECT 'a"}`, good, ErrWrong},
			{"kid that is no text", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":["h"]}`, good, ErrWrong},
			{"its own key", jwt.SigningMethodRS256, i.foreign, `{"alg":"RS256","jwk":{"kty":"RSA","n":"` + b64(i.foreign.N.Bytes()) + `","e":"AQAB"}}`, good, ErrWrong},
			{"its own key's address", jwt.SigningMethodRS256, i.foreign, `{"alg":"RS256","jku":"https://evil.example/keys"}`, good, ErrWrong},
			{"of somebody else", jwt.SigningMethodRS256, i.foreign, `{"alg":"RS256","kid":"r"}`, good, ErrWrong},
			{"crit", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h","crit":["exp"]}`, good, ErrWrong},
			{"alg twice", jwt.SigningMethodHS256, hs, `{"alg":"none","alg":"HS256","kid":"h"}`, good, ErrNone},
			{"streams twice", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h"}`, edit(`"streams"`, `"streams":["**"],"streams"`), ErrWrong},
			{"exp twice", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h"}`, edit(`"exp"`, `"exp":1,"exp"`), ErrWrong},
			{"exp in another case", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h"}`, edit(`"exp"`, `"EXP"`), ErrWrong},
			{"expired", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h"}`, edit("946688400", "946684700"), ErrExpired},
			{"never expires", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h"}`, edit(`"exp":946688400,`, ""), ErrWrong},
			{"not yet", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h"}`, edit(`"exp"`, `"nbf":946684900,"exp"`), ErrWrong},
			{"issued tomorrow", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h"}`, edit(`"exp"`, `"iat":946771200,"exp"`), ErrWrong},
			{"for another audience", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h"}`, edit(`"weir"`, `"other"`), ErrWrong},
			{"no audience", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h"}`, edit(`"aud":"weir",`, ""), ErrWrong},
			{"of another issuer", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h"}`, edit(`"us"`, `"them"`), ErrWrong},
			{"null", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h"}`, `null`, ErrWrong},
			{"a list", jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h"}`, `[]`, ErrWrong},
		} {
			text := token(t, v.method, v.key, v.header, v.payload)
			said, err := c.Verify(t.Context(), text)
			if !errors.Is(err, v.want) {
				t.Errorf("%s: %v", v.name, err)
			}
			if err == nil && (said.Subject != "ann" || said.Streams[0] != "live/*" || said.Actions[0] != "play") {
				t.Errorf("%s: %+v", v.name, said)
			}
		}
		right := token(t, jwt.SigningMethodHS256, hs, `{"alg":"HS256","kid":"h"}`, good)
		for name, text := range map[string]string{
			"": "", "dots": "..", "an API token": "weirt_abcdefgh", "five parts": right + ".a.b", "padding": right + "=",
			"long": right + strings.Repeat("A", longest), "whitespace": right + "\n",
		} {
			if _, err := c.Verify(t.Context(), text); err == nil {
				t.Errorf("%s is taken", name)
			}
		}
		for n := range len(right) { // no byte can be changed
			b := []byte(right)
			if b[n] ^= 1; b[n] == '.' || b[n] == '/' {
				continue
			}
			if _, err := c.Verify(t.Context(), string(b)); err == nil {
				t.Errorf("byte %d can be changed", n)
			}
		}
	})
}

func TestPEM(t *testing.T) {
	i := newIssuer(t)
	keys, err := parseKeys(i.rsaPEM, false)
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(i.rsa)})
	if _, err := parseKeys(private, false); err == nil {
		t.Error("a private key is taken")
	}
}

func TestKeysThatAreNoGood(t *testing.T) {
	i := newIssuer(t)
	if _, err := parseKeys(i.set, false); !errors.Is(err, ErrSecretKey) {
		t.Error(err)
	}
	small := b64(make([]byte, 128))
	for _, text := range []string{
		``, `{}`, `{"keys":[]}`, `{"keys":[{"kty":"new"}]}`,
		`{"keys":[{"kty":"oct","k":"c2hvcnQ"}]}`,
		`{"keys":[{"kty":"RSA","n":"` + small + `","e":"AQAB"}]}`,
		`{"keys":[{"kty":"RSA","n":"` + b64(i.rsa.N.Bytes()) + `","e":"AQ"}]}`,
		`{"keys":[{"kty":"EC","crv":"P-256","x":"` + b64(make([]byte, 32)) + `","y":"` + b64(make([]byte, 32)) + `"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]}`,
	} {
		if keys, err := parseKeys([]byte(text), true); err == nil {
			t.Errorf("%s: %v", text, keys)
		}
	}
	if _, err := Secret("short"); err == nil {
		t.Error("a short secret is taken")
	}
}

// Keys are loaded when they are needed, not for each token, and a fault of whoever has
// them leaves those that are known in force.
func TestKeysAreCached(t *testing.T) {
	i := newIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		loads := 0
		var fault error
		k := NewKeys(func(context.Context) ([]byte, error) { loads++; return i.set, fault }, true)
		find := func(id string, want int, wantLoads int) {
			t.Helper()
			found, err := k.find(t.Context(), id)
			synctest.Wait() // nobody waits for keys that are there already
			if len(found) != want || loads != wantLoads || err != nil {
				t.Errorf("%d keys, %d loads, %v", len(found), loads, err)
			}
		}
		find("r", 1, 1)
		find("r", 1, 1)
		find("unknown", 0, 2) // there might be a new one
		for range 100 {
			find("unknown", 0, 2) // but not each time
		}
		find("r", 1, 2)
		time.Sleep(time.Minute)
		find("unknown", 0, 3)
		find("unknown", 0, 3)
		time.Sleep(20 * time.Minute)
		fault = errors.New("away")
		find("r", 1, 4)
		find("r", 1, 5)
		find("r", 1, 5)
		time.Sleep(25 * time.Hour)
		if _, err := k.find(t.Context(), "r"); !errors.Is(err, ErrUnavailable) {
			t.Error(err)
		}
	})
}

func FuzzVerify(f *testing.F) {
	keys, err := Secret(secret)
	if err != nil {
		f.Fatal(err)
	}
	c := &Config{Audience: "weir", Keys: keys}
	f.Add(token(f, jwt.SigningMethodHS256, []byte(secret+"x"), `{"alg":"HS256"}`, good))
	f.Add(token(f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, `{"alg":"none"}`, good))
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		if said, err := c.Verify(t.Context(), text); err == nil {
			t.Errorf("a token that nobody has signed is good: %+v", said)
		}
	})
}

// An issuer that does not answer holds up those only whose keys are not there, and no
// longer than they have patience.
func TestIssuerThatHangs(t *testing.T) {
	i := newIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		loads, hangs := 0, false
		k := NewKeys(func(ctx context.Context) ([]byte, error) {
			loads++
			if hangs {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return i.set, nil
		}, true)
		took := func(id string) (int, time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			begun := time.Now()
			found, _ := k.find(ctx, id)
			return len(found), time.Since(begun)
		}
		if n, d := took("r"); n != 1 || d != 0 {
			t.Error(n, d)
		}
		hangs = true
		time.Sleep(stale + time.Second)
		for range 10 {
			if n, d := took("r"); n != 1 || d != 0 {
				t.Errorf("%d keys after %v", n, d)
			}
		}
		if n, d := took("unknown"); n != 0 || d != 3*time.Second {
			t.Errorf("%d keys after %v", n, d)
		}
		if synctest.Wait(); loads != 2 {
			t.Errorf("%d loads", loads)
		}
		time.Sleep(time.Hour) // others have seen that it does not answer
		if n, d := took("r"); n != 1 || d != 0 {
			t.Errorf("%d keys after %v", n, d)
		}
		time.Sleep(loadTime)
	})
}

// A key that the issuer has withdrawn while nobody came is good for nothing.
func TestWithdrawnMeanwhile(t *testing.T) {
	first, then := newIssuer(t), newIssuer(t)
	then.set = bytes.ReplaceAll(then.set, []byte(`"kid":"r"`), []byte(`"kid":"r2"`))
	synctest.Test(t, func(t *testing.T) {
		set := first.set
		k := NewKeys(func(context.Context) ([]byte, error) { return set, nil }, true)
		if found, _ := k.find(t.Context(), "r"); len(found) != 1 {
			t.Errorf("%d keys", len(found))
		}
		set = then.set
		time.Sleep(time.Hour)
		for _, id := range []string{"r", "r2"} {
			if found, _ := k.find(t.Context(), id); (len(found) == 1) != (id == "r2") {
				t.Errorf("%s: %d keys", id, len(found))
			}
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"OKP","kid":"d","crv":"Ed25519","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`))
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := parseKeys(text, false)
		for _, k := range keys {
			if _, secret := k.material.([]byte); err == nil && (secret || len(k.algorithms) == 0) {
				t.Error("a key that is none is taken")
			}
		}
	})
}
