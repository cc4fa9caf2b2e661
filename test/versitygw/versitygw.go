package versitygw

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What the server has: a bucket, and who may use it.
const (
	Bucket = "shows"
	Access = "key"
	Secret = "secret"
)

// Start runs a server over an empty directory until the test ends. address is its
// host:port; dir holds the bucket.
func Start(t testing.TB) (address, dir string) {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	binary, err := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(here), "../../scripts/versitygw.sh")).Output()
	if err != nil {
		t.Skipf("versitygw is not there: %v", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = ln.Addr().String()
	ln.Close()
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, Bucket), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, strings.TrimSpace(string(binary)), "--port", address, "--access", Access, "--secret", Secret, "--quiet", "posix", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address, dir
		}
		<-tick.C
	}
	t.Fatal("versitygw does not listen")
	return address, dir
}
