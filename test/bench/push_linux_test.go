package bench

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"weir/cmd/load"
	"weir/pipeline/service/rtmpd"
)

// pushConfiguration pushes a stream by the stages that are put in.
const pushConfiguration = `
server:
  http: {listen: "{http}"}
  rtmp: {listen: "{rtmp}"}
  webrtc: {udp: ""}
  outgoing: {allow: ["127.0.0.0/8"]}
pipelines:
  live/{name}:
    adapt: none
    stages:
      cam: {use: ingest/rtmp}
`

// BenchmarkPushes is a publisher of 2.65 Mbit/s who is pushed to one and to five targets,
// by Weir and by ffmpeg.
func BenchmarkPushes(b *testing.B) {
	for _, count := range []int{1, 5} {
		b.Run(fmt.Sprintf("weir/targets=%d", count), func(b *testing.B) {
			at, delay := takePushes(b)
			var text strings.Builder
			text.WriteString(pushConfiguration)
			for i := range count {
				text.WriteString(fmt.Sprintf("      out%d: {use: outputs/rtmp, from: cam, with: {url: \"rtmp://%s/app\", key: out%d}}\n", i, at, i))
			}
			measurePushes(b, startServer(b, text.String()), delay, count)
		})
		b.Run(fmt.Sprintf("ffmpeg/targets=%d", count), func(b *testing.B) {
			at, delay := takePushes(b)
			measurePushes(b, startFFmpeg(b, at, count), delay, count)
		})
	}
}

// measurePushes measures the process that restreams, per target.
func measurePushes(b *testing.B, s *server, delay *load.Times, count int) {
	b.Helper()
	g := s.load(b, order{Publishers: &load.Publishers{URL: "rtmp://" + s.rtmp + "/live/load", Count: 1, ChunkSize: 4096}})
	s.wait(b, settle)
	steady := span(b, measureVariable, measure)
	s.profile(b, steady)
	var used, passed time.Duration
	for b.Loop() {
		cpu, began := cpuTime(b, s.pid), time.Now()
		s.wait(b, steady)
		used, passed = used+cpuTime(b, s.pid)-cpu, passed+time.Since(began)
	}
	g.stop(b)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(used)/passed.Seconds(), "cpu-ms/s")
	b.ReportMetric(milliseconds(used)/passed.Seconds()/float64(count)/(float64(load.Bitrate)/1e6), "cpu-ms/Mbit")
	for name, q := range map[string]float64{"delay-p50-ms": 0.5, "delay-p99-ms": 0.99} {
		d, ok := delay.Quantile(q)
		if !ok {
			b.Fatal("nothing was pushed")
		}
		b.ReportMetric(milliseconds(d), name)
	}
	b.ReportMetric(calibrate(b), "cal-ns")
}

// takePushes is an RTMP server in this process, and how late the pictures are that come
// to it.
func takePushes(b *testing.B) (address string, delay *load.Times) {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	delay = new(load.Times)
	server := rtmpd.NewServer(rtmpd.Config{Handler: func(_ context.Context, p *rtmpd.Publisher) error {
		go func() {
			began := time.Now()
			for {
				m, err := p.Recv(context.Background())
				if err != nil {
					return
				}
				if sent, ok := load.SentAt(m.Payload); ok && time.Since(began) > settle {
					delay.Add(time.Since(sent))
				}
			}
		}()
		return nil
	}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(ctx, ln) }()
	b.Cleanup(func() { cancel(); <-done })
	return ln.Addr().String(), delay
}

// startFFmpeg has ffmpeg do the same.
func startFFmpeg(b *testing.B, to string, count int) *server {
	b.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		b.Skip("no ffmpeg on this machine")
	}
	rtmp := freeAddress(b)
	var outputs []string
	for i := range count {
		outputs = append(outputs, fmt.Sprintf("[f=flv:flvflags=no_duration_filesize]rtmp://%s/app/out%d", to, i))
	}
	cmd := exec.Command("ffmpeg", "-v", "error", "-nostdin", "-analyzeduration", "1M",
		"-listen", "1", "-f", "flv", "-i", "rtmp://"+rtmp+"/live/load", "-map", "0", "-c", "copy", "-f", "tee", strings.Join(outputs, "|"))
	s := run(b, cmd, "ffmpeg")
	s.rtmp = rtmp
	s.await(b, func() bool { return listens(b, s.rtmp) }) // it takes one connection only
	return s
}
