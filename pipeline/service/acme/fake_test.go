package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority is a small ACME server that checks by TLS-ALPN-01 at one address. It believes
// what is signed.
type authority struct {
	*httptest.Server
	listener string // where it checks
	key      *ecdsa.PrivateKey
	cert     *x509.Certificate

	mu     sync.Mutex // guards what follows
	down   bool
	lives  []time.Duration // how long the next certificates have left; the last one stands
	print  string          // of the account's key
	domain string
	state  string // of the order
	chain  []byte
	issued int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, lives: []time.Duration{24 * time.Hour}, issued: 1}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.Server = httptest.NewTLSServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *authority) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate())
	return pool
}

func (a *authority) setDown(down bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = down
}

func (a *authority) count() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.issued - 1
}

// ServeHTTP implements http.Handler.
func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Replay-Nonce", rand.Text())
	if a.down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	protected, payload := message(r)
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	order := func() map[string]any {
		return map[string]any{
			"status": a.state, "identifiers": []any{map[string]string{"type": "dns", "value": a.domain}},
			"authorizations": []string{a.URL + "/authz"}, "finalize": a.URL + "/finalize", "certificate": a.URL + "/cert",
		}
	}
	challenge := map[string]string{"type": "tls-alpn-01", "url": a.URL + "/challenge", "token": "token", "status": "pending"}
	switch r.URL.Path {
	case "/":
		answer(http.StatusOK, map[string]string{"newNonce": a.URL + "/nonce", "newAccount": a.URL + "/account", "newOrder": a.URL + "/order"})
	case "/nonce":
	case "/account":
		k, _ := protected["jwk"].(map[string]any)
		sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"%s","kty":"%s","x":"%s","y":"%s"}`, k["crv"], k["kty"], k["x"], k["y"]))
		a.print = base64.RawURLEncoding.EncodeToString(sum[:])
		w.Header().Set("Location", a.URL+"/account/1")
		answer(http.StatusCreated, map[string]string{"status": "valid"})
	case "/order":
		ids, _ := payload["identifiers"].([]any)
		id, _ := ids[0].(map[string]any)
		a.domain, _ = id["value"].(string)
		a.state = "pending"
		w.Header().Set("Location", a.URL+"/orders/1")
		answer(http.StatusCreated, order())
	case "/authz":
		status := map[string]string{"pending": "pending", "invalid": "invalid"}[a.state]
		if status == "" {
			status, challenge["status"] = "valid", "valid"
		}
		answer(http.StatusOK, map[string]any{
			"status": status, "identifier": map[string]string{"type": "dns", "value": a.domain}, "challenges": []any{challenge},
		})
	case "/challenge":
		a.state = "invalid"
		if a.proven() {
			a.state = "ready"
		}
		answer(http.StatusOK, challenge)
	case "/finalize":
		csr, _ := payload["csr"].(string)
		a.issue(csr)
		a.state = "valid"
		answer(http.StatusOK, order())
	case "/orders/1":
		answer(http.StatusOK, order())
	case "/cert":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(a.chain)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// message takes a JWS apart.
func message(r *http.Request) (protected, payload map[string]any) {
	var jws struct{ Protected, Payload string }
	_ = json.NewDecoder(r.Body).Decode(&jws)
	for text, into := range map[string]*map[string]any{jws.Protected: &protected, jws.Payload: &payload} {
		plain, _ := base64.RawURLEncoding.DecodeString(text)
		_ = json.Unmarshal(plain, into)
	}
	return protected, payload
}

// proven looks for the proof of RFC 8737 section 3 at the listener.
func (a *authority) proven() bool {
	c, err := tls.Dial("tcp", a.listener, &tls.Config{ServerName: a.domain, NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true}) //nolint:gosec // self-signed by design
	if err != nil {
		return false
	}
	defer c.Close()
	sum := sha256.Sum256([]byte("token." + a.print))
	want, _ := asn1.Marshal(sum[:])
	return slices.ContainsFunc(c.ConnectionState().PeerCertificates[0].Extensions, func(e pkix.Extension) bool {
		return e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}) && strings.EqualFold(string(e.Value), string(want))
	})
}

func (a *authority) issue(request string) {
	der, _ := base64.RawURLEncoding.DecodeString(request)
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return
	}
	left := a.lives[0]
	a.lives = a.lives[max(0, min(1, len(a.lives)-1)):]
	a.issued++
	cert, _ := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(a.issued), DNSNames: csr.DNSNames,
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(left),
	}, a.cert, csr.PublicKey, a.key)
	a.chain = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})...)
}
