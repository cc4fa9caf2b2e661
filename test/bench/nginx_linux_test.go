package bench

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"weir/cmd/load"
)

// rtmpModule is where Debian's libnginx-mod-rtmp puts it.
const rtmpModule = "/usr/lib/nginx/modules/ngx_rtmp_module.so"

// BenchmarkNginx is the same 50 publishers at nginx-rtmp, a server in C that does
// nothing with what they send: what a machine is worth, to compare machines by.
func BenchmarkNginx(b *testing.B) {
	if _, err := os.Stat(rtmpModule); err != nil {
		b.Skip("no nginx-rtmp on this machine (apt-get install nginx-light libnginx-mod-rtmp)")
	}
	const count = 50
	s := startNginx(b)
	g := s.load(b, order{Publishers: &load.Publishers{
		URL: "rtmp://" + s.rtmp + "/live/load*", Count: count, ChunkSize: 4096,
	}})
	s.wait(b, settle)
	steady := span(b, measureVariable, measure)
	var used, passed time.Duration
	for b.Loop() {
		cpu, began := cpuTime(b, s.pid), time.Now()
		s.wait(b, steady)
		used, passed = used+cpuTime(b, s.pid)-cpu, passed+time.Since(began)
	}
	g.stop(b)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(used)/passed.Seconds()/count, "cpu-ms/publisher-s")
	b.ReportMetric(calibrate(b), "cal-ns")
}

// startNginx runs nginx without a master, so that its process does the work.
func startNginx(b *testing.B) *server {
	b.Helper()
	dir := b.TempDir()
	rtmp := freeAddress(b)
	file := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`load_module %s;
daemon off; master_process off; pid %[2]s/pid; error_log %[2]s/log;
events { worker_connections 1024; }
rtmp { server { listen %[3]s; chunk_size 4096; application live { live on; } } }
`, rtmpModule, dir, rtmp)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	s := run(b, exec.Command("nginx", "-p", dir, "-c", file), "nginx")
	s.rtmp = rtmp
	s.await(b, func() bool {
		c, err := net.Dial("tcp", s.rtmp)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return s
}
