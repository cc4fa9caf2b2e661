package bench

import (
	"fmt"
	"testing"
	"time"

	"weir/cmd/load"
)

// BenchmarkPublishers is 50 RTMP publishers of 2.65 Mbit/s whom nobody watches,
// with the chunk sizes of OBS and of an ffmpeg that keeps RTMP's default.
func BenchmarkPublishers(b *testing.B) {
	const count = 50
	for _, chunk := range []int{4096, 128} {
		b.Run(fmt.Sprintf("chunk=%d", chunk), func(b *testing.B) {
			s := startServer(b, configuration)
			m := meter{server: s, per: "publisher", count: count}
			m.begin(b)
			g := s.load(b, order{Publishers: &load.Publishers{
				URL: "rtmp://" + s.rtmp + "/live/load*", Count: count, ChunkSize: chunk,
			}})
			m.run(b, warmup)
			r := g.stop(b)
			b.ReportMetric(milliseconds(r.Published.Late), "late-ms")
		})
	}
}

// BenchmarkPlayers is 200 LL-HLS players of one stream with parts of 200 ms, each
// with keep-alive connections of its own, as hls.js has them.
func BenchmarkPlayers(b *testing.B) {
	const count = 200
	s := startServer(b, configuration)
	publisher := s.load(b, order{Publishers: &load.Publishers{
		URL: "rtmp://" + s.rtmp + "/live/load", Count: 1, ChunkSize: 4096,
	}})
	m := meter{server: s, per: "player", count: count}
	s.wait(b, span(b, warmupVariable, warmup))
	m.begin(b)
	g := s.load(b, order{Players: &load.Players{URL: "http://" + s.http + "/live/load/index.m3u8", Count: count}})
	began := time.Now()
	m.run(b, settle)
	passed := time.Since(began).Seconds()
	r := g.stop(b)
	b.ReportMetric(milliseconds(publisher.stop(b).Published.Late), "late-ms")
	b.ReportMetric(float64(r.Watched.Playlists+r.Watched.Parts)/count/passed, "requests/player-s")
	b.ReportMetric(float64(r.Watched.Missed), "missed-parts")
}

// BenchmarkCalibration is the fixed piece of work that cal-ns is about, in the time
// that passes.
func BenchmarkCalibration(b *testing.B) {
	block := make([]byte, 4096)
	for b.Loop() {
		digest(block)
	}
}

const (
	// warmup is how long streams take to reach their steady state: 20 s until as many
	// segments are kept as ever, and as long again until the collector has its memory
	// for good. settle is the same for players.
	warmup = 40 * time.Second
	settle = 4 * time.Second
	// measure is how long is measured.
	measure = 15 * time.Second
)

// meter measures a server under load.
type meter struct {
	server *server
	per    string // what count counts
	count  float64

	rss, heap float64 // without the load, in bytes
	before    float64 // calibration
}

// begin is called before there is load.
func (m *meter) begin(b *testing.B) {
	b.Helper()
	m.before = calibrate(b)
	m.rss, m.heap = memory(b, m.server.pid), m.alive(b)
}

// alive is about how much of the heap was found alive by the last collection, in
// bytes: the next one comes when it has doubled.
func (m *meter) alive(b *testing.B) float64 {
	b.Helper()
	return m.server.metric(b, "go_memstats_next_gc_bytes") / 2
}

// run waits for the steady state and measures.
func (m *meter) run(b *testing.B, steadyAfter time.Duration) {
	b.Helper()
	s := m.server
	s.wait(b, min(steadyAfter, span(b, warmupVariable, warmup)))
	steady := span(b, measureVariable, measure)
	s.profile(b, steady)
	var used time.Duration
	ours, began := s.allTime(b), time.Now()
	busy, all := machine(b)
	for b.Loop() {
		cpu := cpuTime(b, s.pid)
		s.wait(b, steady)
		used += cpuTime(b, s.pid) - cpu
	}
	passed := time.Since(began)
	busyNow, allNow := machine(b)
	others := busyNow - busy - (s.allTime(b) - ours)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(100*max(0, others.Seconds())/(allNow-all).Seconds(), "others-%")
	b.ReportMetric(milliseconds(used)/passed.Seconds()/m.count, "cpu-ms/"+m.per+"-s")
	b.ReportMetric((memory(b, s.pid)-m.rss)/m.count/1024, "rss-KiB/"+m.per)
	b.ReportMetric((m.alive(b)-m.heap)/m.count/1024, "heap-KiB/"+m.per)
	b.ReportMetric((m.before+calibrate(b))/2, "cal-ns")
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
