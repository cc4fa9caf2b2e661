// Package nginx runs nginx with its RTMP module, as something that tests push to: a
// server in C that keeps what it is sent, for others to judge.
package nginx

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// module is where Debian's libnginx-mod-rtmp puts it.
const module = "/usr/lib/nginx/modules/ngx_rtmp_module.so"

// App is the name of the application that it serves.
const App = "live"

// Server is a running nginx.
type Server struct {
	// Address is host:port, of RTMP.
	Address string
	// Dir has an FLV file and an HLS playlist of each stream, by its name: "cam.flv",
	// "cam.m3u8".
	Dir string
}

// Start runs nginx on a port of the loopback interface until t ends. It skips t where
// there is none.
func Start(t testing.TB) *Server {
	t.Helper()
	if _, err := os.Stat(module); err != nil {
		t.Skip("no nginx-rtmp on this machine (make setup for=test)")
	}
	s := &Server{Address: free(t), Dir: t.TempDir()}
	file := filepath.Join(s.Dir, "nginx.conf")
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n"
	}
	text := fmt.Sprintf(`load_module %s;
daemon off; master_process off; pid %[3]s/pid; error_log %[3]s/log;
%[2]sevents { worker_connections 64; }
rtmp { server { listen %[4]s; chunk_size 4096; application %[5]s {
	live on;
	record all; record_path %[3]s;
	hls on; hls_path %[3]s; hls_fragment 2s; hls_playlist_length 30m; hls_cleanup off;
} } }
`, module, user, s.Dir, s.Address, App)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command("nginx", "-p", s.Dir, "-c", file)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			more, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
			t.Logf("nginx says: %s%s", log.String(), more)
		}
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		if c, err := net.Dial("tcp", s.Address); err == nil {
			_ = c.Close()
			return s
		}
		select {
		case <-tick.C:
		case <-ended:
			t.Fatalf("nginx has ended by itself: %s", log.String())
		}
	}
	t.Fatal("nginx does not listen")
	return nil
}

func free(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
