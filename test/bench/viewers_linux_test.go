package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"weir/cmd/load"
)

// BenchmarkViewers is WebRTC viewers of one stream of 2.5 Mbit/s of H.264, some with
// Opus, with the feedback of browsers, and the floor of the machine beside them: what
// sending the same packets takes at best. The viewers are `weir load whep`.
func BenchmarkViewers(b *testing.B) {
	for _, c := range []struct {
		name  string
		count int
		more  []string
		sound load.Sound
		whip  bool
	}{
		{"viewers=50", 50, nil, load.Silent, false},
		{"viewers=150", 150, nil, load.Silent, false},
		{"viewers=300", 300, nil, load.Silent, false},
		{"viewers=600", 600, nil, load.Silent, false},
		{"sha1=150", 150, []string{"--sha1"}, load.Silent, false},
		{"sound=150", 150, nil, load.Opus, false},
		{"whip=150", 150, nil, load.Opus, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := startServer(b, rtcConfiguration)
			path, by := "live/load", order{Publishers: &load.Publishers{URL: "rtmp://" + s.rtmp + "/live/load", Count: 1, ChunkSize: 4096, Sound: c.sound}}
			if c.whip {
				path, by = "cam/load", order{Studios: &load.Studios{URL: "http://" + s.http + "/cam/load/whip", Count: 1}}
			}
			publisher := s.load(b, by)
			s.wait(b, settle)
			heap := s.metric(b, "go_memstats_next_gc_bytes") / 2
			floor := measureFloor(b, c.count, c.sound == load.Opus)
			for b.Loop() {
				measureViewers(b, s, c.count, append(c.more, "http://"+s.http+"/"+path+"/whep"), heap)
			}
			again := measureFloor(b, c.count, c.sound == load.Opus)
			floor.unread, floor.read = (floor.unread+again.unread)/2, (floor.read+again.read)/2
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(floor.read, "floor-us/packet")
			b.ReportMetric(floor.unread, "floor-unread-us/packet")
			b.ReportMetric(milliseconds(publisher.stop(b).Published.Late), "late-ms")
		})
	}
}

// audience is the report of `weir load whep --format json`, of which what is needed.
type audience struct {
	Joined        int64   `json:"joined"`
	Failed        int64   `json:"failed"`
	Packets       int64   `json:"packets"`
	Lost          int64   `json:"lost"`
	Freezes       int64   `json:"freezes"`
	SteadySeconds float64 `json:"steady_viewer_seconds"`
	SteadyPackets float64 `json:"steady_packets"`

	Join    struct{ P50, P99 float64 } `json:"join_ms"`
	Picture struct{ P50, P99 float64 } `json:"first_picture_ms"`
	Delay   struct{ P50, P99 float64 } `json:"delay_ms"`

	CPU       float64 `json:"cpu_ms_per_viewer_second"`
	CPUOfJoin float64 `json:"cpu_ms_per_join"`
	PerPacket float64 `json:"cpu_us_per_packet"`
	Server    struct {
		Memory float64 `json:"memory_bytes"`
	} `json:"server"`
}

// measureViewers has viewers come, watch and go, and reports their figures.
func measureViewers(b *testing.B, s *server, count int, more []string, heap float64) {
	b.Helper()
	const rate = 20 // joins a second
	steady := span(b, measureVariable, measure)
	joining := time.Duration(count) * time.Second / rate
	args := append([]string{
		"load", "whep", "--format", "json", "--rate", strconv.Itoa(rate),
		"--count", strconv.Itoa(count), "--duration", steady.String(), "--pid", strconv.Itoa(s.pid),
	}, more...)
	cmd := exec.Command(weir(b), args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	busy, all := machine(b)
	ours := s.allTime(b)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	s.wait(b, joining+steady/4) // by now all have joined
	const allocations = "go_memstats_mallocs_total"
	began, before := time.Now(), s.metric(b, allocations)
	s.profile(b, steady/2)
	s.wait(b, steady/2)
	passed, made := time.Since(began), s.metric(b, allocations)-before
	alive := s.metric(b, "go_memstats_next_gc_bytes") / 2
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	busyNow, allNow := machine(b)
	others := busyNow - busy - (s.allTime(b) - ours) - cmd.ProcessState.UserTime() - cmd.ProcessState.SystemTime()
	var a audience
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		b.Fatal(err)
	}
	if a.Joined != int64(count) {
		b.Errorf("%d of %d viewers could join", a.Joined, count)
	}
	packets := a.SteadyPackets / a.SteadySeconds * float64(count) * passed.Seconds()
	b.ReportMetric(100*max(0, others.Seconds())/(allNow-all).Seconds(), "others-%")
	b.ReportMetric(a.CPU, "cpu-ms/viewer-s")
	b.ReportMetric(a.PerPacket, "cpu-us/packet")
	b.ReportMetric(1e6/a.PerPacket, "packets/cpu-s")
	b.ReportMetric(made/packets, "allocs/packet")
	b.ReportMetric(a.Server.Memory/float64(count)/1024, "rss-KiB/viewer")
	b.ReportMetric((alive-heap)/float64(count)/1024, "heap-KiB/viewer")
	b.ReportMetric(100*float64(a.Lost)/float64(a.Packets), "lost-%")
	b.ReportMetric(float64(a.Freezes), "freezes")
	b.ReportMetric(a.CPUOfJoin, "cpu-ms/join")
	for name, q := range map[string]struct{ P50, P99 float64 }{"join": a.Join, "picture": a.Picture, "delay": a.Delay} {
		b.ReportMetric(q.P50, fmt.Sprintf("%s-p50-ms", name))
		b.ReportMetric(q.P99, fmt.Sprintf("%s-p99-ms", name))
	}
}
