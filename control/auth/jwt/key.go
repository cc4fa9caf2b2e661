package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// key is a key with the algorithms that it is for.
type key struct {
	id         string
	algorithms []string
	material   any // as the library takes it
}

const (
	maxKeys   = 64
	minSecret = 32   // bytes
	minRSA    = 2048 // bits
	maxRSA    = 8192
)

// ErrSecretKey is for a set of keys from a public place that has a secret in it.
var ErrSecretKey = errors.New("a secret key is in a public place")

// jwk is a member of a set (RFC 7517, RFC 7518 section 6, RFC 8037).
type jwk struct {
	Kty, Kid, Use, Alg string
	Ops                []string `json:"key_ops"`
	Crv, X, Y          string
	N, E               string
	K                  string
}

// parseKeys reads a JSON Web Key Set, or public keys in PEM. Keys that are for something
// else or unknown are left out.
func parseKeys(text []byte, secrets bool) ([]key, error) {
	if block, _ := pem.Decode(text); block != nil {
		return parsePEM(text)
	}
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(text, &set); err != nil || set.Keys == nil {
		return nil, errors.New("these are neither a JSON Web Key Set nor public keys in PEM")
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("there are %d keys; at most %d are allowed", len(set.Keys), maxKeys)
	}
	var keys []key
	for _, raw := range set.Keys {
		var k jwk
		if json.Unmarshal(raw, &k) != nil || k.Use != "" && k.Use != "sig" || k.Ops != nil && !slices.Contains(k.Ops, "verify") {
			continue
		}
		if k.Kty == "oct" && !secrets {
			return nil, ErrSecretKey
		}
		material, err := k.material()
		if err != nil {
			return nil, fmt.Errorf("the key %.40q: %w", k.Kid, err)
		}
		keys = addKey(keys, k.Kid, k.Alg, material)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key that this program knows")
	}
	return keys, nil
}

// addKey adds a key if it is of a known kind and for an algorithm that fits it.
func addKey(keys []key, id, only string, material any) []key {
	algorithms := algorithmsOf(material)
	if only != "" {
		algorithms = slices.DeleteFunc(algorithms, func(a string) bool { return a != only })
	}
	if len(algorithms) == 0 {
		return keys
	}
	return append(keys, key{id, algorithms, material})
}

// algorithmsOf is the allow-list, which follows from the key (RFC 8725 section 3.1).
func algorithmsOf(material any) []string {
	switch k := material.(type) {
	case []byte:
		return []string{"HS256", "HS384", "HS512"}
	case *rsa.PublicKey:
		return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return []string{"ES256"}
		case elliptic.P384():
			return []string{"ES384"}
		case elliptic.P521():
			return []string{"ES512"}
		}
	case ed25519.PublicKey:
		return []string{"EdDSA"}
	}
	return nil
}

func field(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) == 0 || len(b) > maxRSA/8 {
		return nil, errors.New("a member is not in base64url, or has no sensible length")
	}
	return b, nil
}

// material is the key; nil if its kind is unknown.
func (k *jwk) material() (any, error) {
	switch {
	case k.Kty == "oct":
		b, err := field(k.K)
		if err == nil && len(b) < minSecret {
			err = fmt.Errorf("the secret has fewer than %d bytes", minSecret)
		}
		return b, err
	case k.Kty == "RSA":
		return k.rsa()
	case k.Kty == "EC":
		return k.ec()
	case k.Kty == "OKP" && k.Crv == "Ed25519":
		b, err := field(k.X)
		if err == nil && len(b) != ed25519.PublicKeySize {
			err = errors.New("it is not 32 bytes long")
		}
		return ed25519.PublicKey(b), err
	default:
		return nil, nil
	}
}

func (k *jwk) rsa() (any, error) {
	n, err := field(k.N)
	if err != nil {
		return nil, err
	}
	e, err := field(k.E)
	if err != nil {
		return nil, err
	}
	exponent := new(big.Int).SetBytes(e)
	if !exponent.IsInt64() || exponent.Int64() < 3 || exponent.Int64() >= 1<<31 || exponent.Bit(0) == 0 {
		return nil, errors.New("its exponent is none")
	}
	return checkRSA(&rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())})
}

func checkRSA(k *rsa.PublicKey) (any, error) {
	if bits := k.N.BitLen(); bits < minRSA || bits > maxRSA {
		return nil, fmt.Errorf("it has %d bits; %d to %d are taken", bits, minRSA, maxRSA)
	}
	return k, nil
}

func (k *jwk) ec() (any, error) {
	var curve elliptic.Curve
	switch k.Crv {
	case "P-256":
		curve = elliptic.P256()
	case "P-384":
		curve = elliptic.P384()
	case "P-521":
		curve = elliptic.P521()
	default:
		return nil, nil
	}
	x, err := field(k.X)
	if err != nil {
		return nil, err
	}
	y, err := field(k.Y)
	if err != nil {
		return nil, err
	}
	size := (curve.Params().BitSize + 7) / 8
	if len(x) != size || len(y) != size {
		return nil, errors.New("its coordinates have not the length of the curve's")
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, x, y))
	if err != nil {
		return nil, errors.New("it is no point of its curve")
	}
	return public, nil
}

func parsePEM(text []byte) ([]key, error) {
	var keys []key
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		var public crypto.PublicKey
		var err error
		switch block.Type {
		case "PUBLIC KEY":
			public, err = x509.ParsePKIXPublicKey(block.Bytes)
		case "CERTIFICATE":
			var c *x509.Certificate
			if c, err = x509.ParseCertificate(block.Bytes); err == nil {
				public = c.PublicKey
			}
		default:
			return nil, fmt.Errorf("a %.40s is not what tokens are checked with: give the public key", block.Type)
		}
		if err != nil {
			return nil, errors.New("one of the keys in PEM is broken")
		}
		if k, ok := public.(*rsa.PublicKey); ok {
			if _, err := checkRSA(k); err != nil {
				return nil, err
			}
		}
		keys = addKey(keys, "", "", public)
	}
	if len(keys) == 0 || len(keys) > maxKeys {
		return nil, fmt.Errorf("there are %d keys that this program knows; 1 to %d are taken", len(keys), maxKeys)
	}
	return keys, nil
}
