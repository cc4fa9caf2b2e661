package hls

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/media"
	"weir/pipeline/service/httpd"
	"weir/pipeline/stagetest"
)

// broadcast is a minute of 2.5 Mbit/s at 30 pictures a second and of AAC.
func broadcast(b *testing.B) []media.Item {
	b.Helper()
	set, _ := clip(b, "h264-aac.mp4")
	both := stagetest.Both()
	both.Tracks[0].Config = set.Track("video").Config
	items := movie(both, 0, time.Minute)
	picture, sound := make([]byte, 10_000), make([]byte, 340)
	picture[0], sound[0] = 0x41, 0x21
	key := append([]byte{0x65}, make([]byte, 29_999)...)
	for _, item := range items[1:] {
		u := item.(*media.Unit)
		switch {
		case isAudio(u):
			u.Access = [][]byte{sound}
		case u.Flags.Has(media.Key):
			u.Access = [][]byte{key}
		default:
			u.Access = [][]byte{picture}
		}
	}
	return items
}

func quietStudio(b *testing.B, cfg Config) *studio {
	b.Helper()
	s := &studio{registry: newRegistry(), site: httpd.New(httpd.Config{}), cfg: cfg}
	n := newNotes(slog.New(slog.DiscardHandler))
	st := s.registry.open(testPath, func(prev *store) *store {
		return newStore(run{cfg: cfg, token: "token", warn: n.fault}, prev)
	})
	s.segmenter = newSegmenter(cfg, st, epoch, n)
	return s
}

// CPU of a publisher without viewers, per second of media.
func BenchmarkSegment(b *testing.B) {
	items := broadcast(b)
	for name, change := range map[string]func(*Config){
		"low_latency": func(*Config) {},
		"fmp4":        func(c *Config) { c.LowLatency = false },
		"mpegts":      func(c *Config) { c.Container = containerMPEGTS },
	} {
		b.Run(name, func(b *testing.B) {
			cfg := defaults()
			change(&cfg)
			b.ReportAllocs()
			for b.Loop() {
				s := quietStudio(b, cfg)
				for _, item := range items {
					s.take(item)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/60, "ns/media-s")
		})
	}
}

// A fragment of six pictures by our writer and by mediacommon's.
func BenchmarkFragment(b *testing.B) {
	items := broadcast(b)
	var six []*media.Unit
	for _, item := range items[1:] {
		if u := item.(*media.Unit); isVideo(u) && !u.Flags.Has(media.Key) && len(six) < 6 {
			six = append(six, u)
		}
	}
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		f := &fragments{codec: media.CodecH264}
		for b.Loop() {
			for _, u := range six {
				f.write(u, 3000)
			}
			if p, err := f.flush(); err != nil || len(p.data()) != p.size {
				b.Fatal(err)
			}
		}
	})
	b.Run("mediacommon", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			track := &fmp4.PartTrack{ID: 1, BaseTime: 1}
			for _, u := range six {
				payload, err := h264.AVCC(u.Access).Marshal()
				if err != nil {
					b.Fatal(err)
				}
				track.Samples = append(track.Samples, &fmp4.Sample{Duration: 3000, IsNonSyncSample: true, Payload: payload})
			}
			var buf seekablebuffer.Buffer
			if err := (fmp4.Part{Tracks: []*fmp4.PartTrack{track}}).Marshal(&buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

const (
	benchClients = 200
	benchSeconds = 8
	clientsEnv   = "WEIR_HLS_BENCH_CLIENTS" // the address to load; set in the child only
)

// CPU of this process for each second of each of 200 low-latency clients, which run
// in a child process: both playlists and all parts, as hls.js does.
func BenchmarkClients(b *testing.B) {
	if addr := os.Getenv(clientsEnv); addr != "" {
		loadClients(b, addr)
		return
	}
	items := broadcast(b)
	for b.Loop() {
		cfg := defaults()
		s := quietStudio(b, cfg)
		s.holds = newHolds()
		d := &desk{registry: s.registry, holds: s.holds, policy: access.NewCache(access.Keys{})}
		pattern, _ := pipeline.ParsePattern("live/{name}")
		s.site.Mount(httpd.Mount{Pattern: pattern, Leaves: leaves(), Serve: d.serve})
		srv := httptest.NewServer(s.site)

		child := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^$", "-test.bench=BenchmarkClients$", "-test.benchtime=1x")
		child.Env = append(os.Environ(), clientsEnv+"="+srv.Listener.Addr().String())
		out, err := child.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		idle := playFor(s, items, 0, 4*time.Second, nil) // without viewers
		if err := child.Start(); err != nil {
			b.Fatal(err)
		}
		ready := make(chan struct{})
		var report strings.Builder
		var reading sync.WaitGroup
		reading.Go(func() {
			r := bufio.NewScanner(out)
			for r.Scan() {
				if strings.HasPrefix(r.Text(), "ready") {
					close(ready)
				}
				fmt.Fprintln(&report, r.Text())
			}
		})
		busy := playFor(s, items, 4*time.Second, 4*time.Second+benchSeconds*time.Second, ready)
		s.end()
		reading.Wait()
		_ = child.Wait()
		srv.Close()
		perSecond := float64(busy.Microseconds())/benchSeconds - float64(idle.Microseconds())/4
		b.ReportMetric(perSecond/benchClients/1000, "cpu-ms/client-s")
		for _, unit := range []string{"requests", "bytes"} {
			if m := regexp.MustCompile(unit + `=(\d+)`).FindStringSubmatch(report.String()); m != nil {
				n, _ := strconv.ParseFloat(m[1], 64)
				b.ReportMetric(n/benchClients/benchSeconds, unit+"/client-s")
			}
		}
	}
}

// playFor feeds items between two media times at their own pace and returns the CPU
// time spent. If ready is not nil, it starts once that is closed.
func playFor(s *studio, items []media.Item, from, to time.Duration, ready <-chan struct{}) time.Duration {
	if ready != nil {
		<-ready
	}
	before, start := cpu(), time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for _, item := range items {
		u, ok := item.(*media.Unit)
		if !ok {
			if from == 0 {
				s.take(item)
			}
			continue
		}
		if u.Time() < from || u.Time() >= to {
			continue
		}
		for from > 0 && time.Since(start) < u.Time()-from {
			<-tick.C
		}
		s.take(item)
	}
	return cpu() - before
}

func cpu() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// loadClients is the child of BenchmarkClients.
func loadClients(b *testing.B, addr string) {
	b.Helper()
	for b.Loop() {
		var all sync.WaitGroup
		var mu sync.Mutex
		var requests, bytes int64
		for i := range benchClients {
			for _, rendition := range []string{"video", "audio"} {
				all.Go(func() {
					n, size := followParts(addr, rendition, i)
					mu.Lock()
					defer mu.Unlock()
					requests, bytes = requests+n, bytes+size
				})
			}
		}
		fmt.Println("ready")
		all.Wait()
		fmt.Printf("requests=%d bytes=%d\n", requests, bytes)
	}
}

var hinted = regexp.MustCompile(`PRELOAD-HINT:TYPE=PART,URI="([^"]+)"`)

// followParts reads a playlist as long as it goes on, and each part once.
func followParts(addr, rendition string, client int) (requests, size int64) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, 0
	}
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 64<<10)
	get := func(leaf string) []byte {
		fmt.Fprintf(conn, "GET /%s/%s HTTP/1.1\r\nHost: x\r\nUser-Agent: %d\r\n\r\n", testPath, leaf, client)
		res, err := http.ReadResponse(r, nil)
		if err != nil || res.StatusCode != http.StatusOK {
			return nil
		}
		body, _ := io.ReadAll(res.Body)
		requests, size = requests+1, size+int64(len(body))
		return body
	}
	text := get(rendition + playlistExt)
	for text != nil && !strings.Contains(string(text), "ENDLIST") {
		list := string(text)
		msn, _ := strconv.Atoi(regexp.MustCompile(`MEDIA-SEQUENCE:(\d+)`).FindStringSubmatch(list)[1])
		msn += strings.Count(list, "#EXTINF")
		tail := list[strings.LastIndex(list, "#EXTINF"):]
		hint := hinted.FindStringSubmatch(list)[1]
		text = get(fmt.Sprintf("%s.m3u8?_HLS_msn=%d&_HLS_part=%d", rendition, msn, strings.Count(tail, "EXT-X-PART:")))
		if text != nil {
			get(hint)
		}
	}
	return requests, size
}
