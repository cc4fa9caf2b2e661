//go:build e2e

package faults

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// line is one HTTP connection that stays open, to ask a server that cannot accept.
type line struct {
	t      testing.TB
	client *http.Client
	base   string
}

// hold opens a connection that stays.
func (s *server) hold(t testing.TB) *line {
	t.Helper()
	l := &line{t: t, base: "http://" + s.http, client: &http.Client{
		Transport: &http.Transport{MaxConnsPerHost: 1}, Timeout: 10 * time.Second,
	}}
	l.get("/livez")
	return l
}

func (l *line) get(path string) (int, string) {
	l.t.Helper()
	res, err := l.client.Get(l.base + path)
	if err != nil {
		l.t.Errorf("GET %s: %v", path, err)
		return 0, ""
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		l.t.Errorf("GET %s: %v", path, err)
	}
	return res.StatusCode, string(body)
}

// crowd opens n connections to an address from as many source addresses as it takes
// for none to have more than each, and returns what came through.
func crowd(t testing.TB, address string, n, each int) []net.Conn {
	t.Helper()
	var all []net.Conn
	for i := range n {
		c, err := from(i/each, address)
		if err != nil {
			continue
		}
		all = append(all, c)
	}
	t.Cleanup(func() {
		for _, c := range all {
			_ = c.Close()
		}
	})
	return all
}

// from connects from the i-th of many addresses of this machine.
func from(i int, address string) (net.Conn, error) {
	d := net.Dialer{
		Timeout:   5 * time.Second,
		LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+i/250), byte(1+i%250))},
	}
	return d.Dial("tcp", address)
}

// R32: with 256 descriptors, all of them taken by others.
func TestDescriptorsRunOut(t *testing.T) {
	cores.Take(t, 0.15)
	s := startLimited(t, standard, "ulimit -n 256")
	p, v := s.publish(t, "short/studio"), s.watch(t, "short/studio")
	st := newStream(t, 1, h264(t, 1280, 720), aac(t, 48000))
	asking := s.hold(t)
	p.play(st, 4*time.Second)
	used := s.cpu()
	p.play(st, 4*time.Second)
	normal := s.cpu() - used

	crowds := crowd(t, s.rtmp, 400, 40)
	starved, used, began := 0, s.cpu(), time.Now()
	health := map[int]int{}
	for time.Since(began) < 4*time.Second {
		starved = max(starved, s.fds())
		code, _ := asking.get("/readyz")
		health[code]++
		p.play(st, 250*time.Millisecond)
	}
	share := (s.cpu() - used).Seconds() / time.Since(began).Seconds()
	_, metrics := asking.get("/metrics")
	refusals := sumMetric(metrics, "weir_rtmp_accept_errors_total")
	for _, c := range crowds {
		_ = c.Close()
	}
	freed := time.Now()
	var recovery time.Duration
	eventually(t, 20*time.Second, "a publisher is let in again", func() bool {
		q, err := s.dial(t, "short/next", key)
		if err == nil {
			recovery = time.Since(freed)
			q.close()
		}
		return err == nil
	})
	eventually(t, 20*time.Second, "the server is ready again", func() bool { return s.status("/readyz") == 200 })
	p.play(st, 2*time.Second)
	p.close()
	v.end(20 * time.Second)
	video, audio := whole(t, p, v, true)
	if share > 0.2 {
		t.Errorf("%.0f %% of a core while starved", share*100)
	}
	if health[503] == 0 || refusals == 0 {
		t.Errorf("/readyz: %v, accept errors: %v", health, refusals)
	}
	if starved < 250 {
		t.Errorf("only %d descriptors were taken", starved)
	}
	figure(t, "R32", "fds_max=%d cpu_starved=%.1f%% cpu_normal=%.1f%% readyz=%v accept_errors=%v recovery=%v lost_video=%d lost_audio=%d",
		starved, share*100, normal.Seconds()/4*100, fmt.Sprint(health), refusals, recovery, len(video.lost), len(audio.lost))
}
