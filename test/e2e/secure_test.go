//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/test/machine"
)

// Over TLS the interface speaks HTTP/2, so that nine pages that all listen to events work
// beside each other, and whoever has signed in has a cookie that never goes out in the clear.
func TestSecurePages(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.5)
	w := weir{http: freeAddr(t), rtmp: freeAddr(t), media: freeAddr(t), files: "../../testdata/media"}
	w.cert, w.key = certify(t)
	files, err := filepath.Abs(w.files)
	if err != nil {
		t.Fatal(err)
	}
	w.files = files
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	w.run(t, nil, client, strings.ReplaceAll(playsClip, "clip.mp4", "h264-aac.mp4"))
	cmd := exec.CommandContext(t.Context(), "node", "secure.mjs", "https://"+w.http+"/")
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("secure.mjs: %v\n%s", err, log.String())
	}
	var seen struct {
		Made              int
		Errors, Protocols []string
		Cookies           []struct {
			Name, SameSite   string
			Secure, HTTPOnly bool
		}
	}
	if err := json.Unmarshal(out, &seen); err != nil {
		t.Fatal(err)
	}
	if seen.Made != http.StatusCreated || len(seen.Errors) > 0 || !slices.Equal(seen.Protocols, []string{"h2"}) {
		t.Errorf("a user was made with %d, errors %q, protocols %q", seen.Made, seen.Errors, seen.Protocols)
	}
	if len(seen.Cookies) != 1 {
		t.Fatalf("cookies %+v", seen.Cookies)
	}
	if c := seen.Cookies[0]; !c.Secure || !c.HTTPOnly || c.SameSite != "Strict" && c.SameSite != "Lax" {
		t.Errorf("a cookie: %+v", c)
	}
}

// certify makes a certificate for this machine that nobody trusts, and its key.
func certify(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	keep := func(name, kind string, b []byte) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return keep("cert.pem", "CERTIFICATE", der), keep("key.pem", "PRIVATE KEY", pkcs8)
}
