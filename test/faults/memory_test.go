//go:build e2e

package faults

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/cmd/load"
	"weir/test/ladder"
	"weir/test/machine"
)

// cgroup is a control group for memory, of the kernel's first or second version.
type cgroup struct {
	t   *testing.T
	dir string
	v2  bool
}

// newCgroup makes one, where that is possible, for as long as the test runs.
func newCgroup(t *testing.T) *cgroup {
	t.Helper()
	g := &cgroup{t: t}
	base := "/sys/fs/cgroup"
	if _, err := os.Stat(base + "/memory/memory.limit_in_bytes"); err == nil {
		base += "/memory"
	} else if controllers, err := os.ReadFile(base + "/cgroup.subtree_control"); err == nil && strings.Contains(string(controllers), "memory") {
		g.v2 = true
	} else {
		t.Skip("there are no control groups for memory here")
	}
	g.dir = filepath.Join(base, "weir-faults-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		t.Skip("a control group takes root: ", err)
	}
	t.Cleanup(func() { _ = os.Remove(g.dir) })
	return g
}

func (g *cgroup) write(name, value string) {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, name), []byte(value), 0); err != nil {
		g.t.Fatal(err)
	}
}

func (g *cgroup) file(v1, v2 string) string {
	if g.v2 {
		return v2
	}
	return v1
}

// limit bounds the memory of all that is in the group.
func (g *cgroup) limit(bytes int64) {
	g.t.Helper()
	g.write(g.file("memory.limit_in_bytes", "memory.max"), strconv.FormatInt(bytes, 10))
}

// used is the memory in use now.
func (g *cgroup) used() int64 {
	g.t.Helper()
	b, err := os.ReadFile(filepath.Join(g.dir, g.file("memory.usage_in_bytes", "memory.current")))
	if err != nil {
		g.t.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		g.t.Fatal(err)
	}
	return n
}

// kills is how many processes the kernel has ended in the group for want of memory.
func (g *cgroup) kills() (n int) {
	g.t.Helper()
	b, err := os.ReadFile(filepath.Join(g.dir, g.file("memory.oom_control", "memory.events")))
	if err != nil {
		g.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, _ = strconv.Atoi(strings.TrimSpace(rest))
		}
	}
	return n
}

// R31: where memory is short it is workers that the kernel ends, and not the server; the
// sources of their ladders lose nothing, and once there is memory again the layers are
// back. Two streams with ladders and fifty viewers are content with 512 MB. It runs alone:
// a server that has no time refuses viewers.
func TestMemoryLimit(t *testing.T) {
	machine.Long(t)
	g := newCgroup(t)
	g.limit(512 << 20)
	s := startLimited(t, withLadder(t, 1080), "echo $$ >"+g.dir+"/cgroup.procs")
	const path, other, times = "ladder/studio", "hls/other", 7
	clip := clips + "h264-aac.mp4" // of 6 s
	sent := played(t, clip, times)
	wait := s.encodeFile(t, path, clip, times)
	v := s.watch(t, path)
	s.await(t, path, 1)
	eventually(t, 20*time.Second, "the ladder is there", func() bool { return s.workers(path)["ladder"].FramesOut > 90 })
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	a, joined, left := &load.Audience{}, make(chan struct{}), make(chan error, 1)
	go func() {
		v := load.Viewers{URL: "http://" + s.http + "/" + path + "/whep?layer=" + ladder.Names[0], Count: 50, Rate: 20, Sample: 10}
		left <- v.Run(ctx, a, func() { close(joined) })
	}()
	select {
	case <-joined:
	case <-time.After(30 * time.Second):
		t.Fatalf("the viewers did not join: %v", a.Failure())
	}
	waitOther := s.encodeFile(t, other, clip, 3)
	s.await(t, other, 1)
	pause(t, 3*time.Second)
	calm := g.used()
	if n := g.kills(); n > 0 {
		t.Errorf("%d processes were ended with 512 MB", n)
	}

	// Less than one more worker takes, and more than the server does of itself; what the
	// kernel finds to give back before it ends somebody is taken away too.
	waitThird := s.encodeFile(t, "hls/third", clip, 4)
	least := g.used() + 8<<20
	eventually(t, 20*time.Second, "somebody has to go", func() bool {
		least = min(least, g.used()+8<<20)
		g.limit(least)
		return g.kills() > 0
	})
	killed := g.kills()
	g.limit(512 << 20)
	began := time.Now()
	working := func() bool {
		return s.workers(path)["ladder"].State == "running" && s.workers(other)["ladder"].State == "running"
	}
	eventually(t, 10*time.Second, "all workers work", working)
	figure(t, "R31", "limit=512MB used=%.1fMB viewers=50 streams=2 ended_by_the_kernel=%d back_after=%v", mb(calm), killed, time.Since(began))
	leave()
	if err := <-left; err != nil || a.Failed.Load() > 0 {
		t.Errorf("the viewers: %v, %v", err, a.Failure())
	}
	wait()
	waitOther()
	waitThird()
	v.end(30 * time.Second)
	judge(t, path, "viewer", sent, v.packetsOf(ladder.Names[0]), nil)
}
