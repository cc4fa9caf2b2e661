package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"weir/pipeline"
)

// secretPrefix is what secrets of this kind begin with.
const secretPrefix = "whsec_"

// How many bytes a key may have.
const (
	leastKey = 24
	mostKey  = 64
)

// NewSecret makes a secret of 32 random bytes.
func NewSecret() pipeline.Secret {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	return pipeline.NewSecret(secretPrefix + base64.StdEncoding.EncodeToString(key[:]))
}

// keyOf is the key that a secret holds.
func keyOf(secret pipeline.Secret) ([]byte, error) {
	text, ok := strings.CutPrefix(secret.Reveal(), secretPrefix)
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(key) < leastKey || len(key) > mostKey {
		return nil, invalidError("a secret is whsec_ and behind it 24 to 64 bytes in base64")
	}
	return key, nil
}

// sign is the signature of a message: version 1, HMAC-SHA256 over ID, time and body.
func sign(key []byte, id string, at time.Time, body []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}
