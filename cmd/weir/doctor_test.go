package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	push "weir/outputs/rtmp"
	"weir/pipeline/config"
	"weir/pipeline/service/outgoing"
)

// TestDoctorPorts: what is taken is told from what is free.
func TestDoctorPorts(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	file := &config.File{Server: config.Server{HTTP: config.Listener{Listen: ln.Addr().String()}, RTMP: config.Listener{Listen: "127.0.0.1:0"}}}
	found := lookAtPorts(t.Context(), file)
	if len(found) != 2 || found[0].mark != doubt || !strings.Contains(found[0].fix, "server.http.listen") || found[1].mark != good {
		t.Errorf("%+v", found)
	}
}

func TestDoctorDisk(t *testing.T) {
	dir := t.TempDir()
	if f := lookAtDisk(filepath.Join(dir, "not", "there", "yet"), 1); f.mark == bad || !strings.Contains(f.what, "GiB free") {
		t.Errorf("%+v", f)
	}
	if f := lookAtDisk(dir, 1<<60); f.mark != bad || !strings.Contains(f.fix, "make room") {
		t.Errorf("%+v", f)
	}
	if left, _ := filepath.Glob(dir + "/.weir*"); len(left) > 0 {
		t.Errorf("%q is left", left)
	}
	if f := lookAtDisk("/proc/nothing", 1); f.mark != bad {
		t.Errorf("%+v", f)
	}
}

// TestDoctorTargets: what answers, what does not, and what has no certificate to trust.
func TestDoctorTargets(t *testing.T) {
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	d := &outgoing.Dialer{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	address := func(url string, tls bool) push.Address {
		_, at, _ := strings.Cut(url, "://")
		host, port, _ := net.SplitHostPort(at)
		return push.Address{Role: "primary", Host: host, Port: port, TLS: tls}
	}
	for _, c := range []struct {
		at   push.Address
		want mark
		text string
	}{
		{address(secure.URL, true), bad, "certificate"},
		{address(plain.URL, true), bad, "TLS"},
		{address(plain.URL, false), doubt, "without TLS"},
		{push.Address{Host: "127.0.0.1", Port: "1"}, bad, "refused"},
	} {
		f := lookAtTarget(t.Context(), d, "live/{name}#yt", c.at)
		if f.mark != c.want || !strings.Contains(f.what, c.text) {
			t.Errorf("%+v: %+v", c.at, f)
		}
	}
	if f := lookAtTarget(t.Context(), &outgoing.Dialer{}, "live/{name}#yt", address(plain.URL, false)); f.mark != bad || !strings.Contains(f.what, "server.outgoing.allow") {
		t.Errorf("%+v", f)
	}
}

// TestProfiles: they are for administrators, who are on this machine so far.
func TestProfiles(t *testing.T) {
	s := idle(t)
	for remote, want := range map[string]int{"127.0.0.1:1": http.StatusOK, "192.0.2.1:1": http.StatusUnauthorized} {
		for _, url := range []string{"/debug/pprof/", "/debug/pprof/goroutine?debug=1"} {
			r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
			r.Host = "localhost"
			r.RemoteAddr = remote
			w := httptest.NewRecorder()
			s.services.http.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s for %s: %d", url, remote, w.Code)
			}
		}
	}
}
