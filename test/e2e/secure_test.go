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
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/control/auth/password"
	"weir/test/canary"
	"weir/test/machine"
)

// Over TLS the interface speaks HTTP/2, so that nine pages that all listen to events work
// beside each other, and whoever has signed in has a cookie that never goes out in the clear.
// What secrets the server has is on no page, even for an admin (T7).
func TestSecurePages(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.5)
	files, err := filepath.Abs("../../testdata/media")
	if err != nil {
		t.Fatal(err)
	}
	w := weir{http: freeAddr(t), rtmp: freeAddr(t), media: freeAddr(t), files: files}
	w.cert, w.key = certify(t)
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(refusing.Close)
	secrets, down := make(canary.Secrets), freeAddr(t)
	hash, err := password.NewHasher(1).Hash(t.Context(), secrets.Of("password"))
	if err != nil {
		t.Fatal(err)
	}
	planted := canary.Plant(secrets, canary.Around{Hash: hash, Down: down, Refusing: refusing.URL, Spool: t.TempDir(), Shared: true})
	w.webrtc, w.access, w.settings = planted.WebRTC, planted.Access, planted.Server
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	w.run(t, nil, client, planted.Pipelines)
	cmd := exec.CommandContext(t.Context(), "node", "secure.mjs", "https://"+w.http+"/", "declared", secrets["password"],
		fmt.Sprintf(`{"name":"added","use":"outputs/rtmp","from":"clip","with":{"url":"rtmp://%s/app","key":%q}}`, down, secrets.Of("added-key")),
		fmt.Sprintf(`{"url":"http://user:%s@%s/?token=%s"}`, secrets.Of("added-user"), down, secrets.Of("added-query")))
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("secure.mjs: %v\n%s", err, log.String())
	}
	var seen struct {
		Made              []int
		Errors, Protocols []string
		Cookies           []struct {
			Name, SameSite   string
			Secure, HTTPOnly bool
		}
		Texts map[string]string
	}
	if err := json.Unmarshal(out, &seen); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen.Made, []int{201, 201, 201}) || len(seen.Errors) > 0 || !slices.Equal(seen.Protocols, []string{"h2"}) {
		t.Errorf("what was made is answered %d; errors %q, protocols %q", seen.Made, seen.Errors, seen.Protocols)
	}
	if len(seen.Cookies) != 1 {
		t.Fatalf("cookies %+v", seen.Cookies)
	}
	if c := seen.Cookies[0]; !c.Secure || !c.HTTPOnly || c.SameSite != "Strict" && c.SameSite != "Lax" {
		t.Errorf("a cookie: %+v", c)
	}
	for page, text := range seen.Texts {
		for _, found := range secrets.In(text) {
			t.Errorf("on the page %s is the secret %s", page, found)
		}
	}
	if all := strings.Join(slices.Collect(maps.Values(seen.Texts)), ""); !strings.Contains(all, "event: stats") {
		t.Error("no page was told of an event")
	}
	for page, is := range map[string]string{"graph": "inspector", "targets": "added", "settings": "***", "webhooks": down, "access": "declared", "watch": "turn:"} {
		if !strings.Contains(seen.Texts[page], is) {
			t.Errorf("on the page %s of %d there is no %q:\n%.2000s", page, len(seen.Texts), is, seen.Texts[page])
		}
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
