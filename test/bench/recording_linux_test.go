package bench

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// recordConfiguration records each publisher into a directory.
const recordConfiguration = `
server:
  http: {listen: "{http}"}
  rtmp: {listen: "{rtmp}"}
  webrtc: {udp: ""}
pipelines:
  live/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp}
      keep: {use: record, from: cam, with: {store: {dir: "{dir}/store"}, spool: "{dir}/spool", reserve: 1MiB}}
`

// A server and ffmpeg have written their first files by then.
const recordSettle = 8 * time.Second

// BenchmarkRecording is one publisher of 6 Mbit/s, recorded in fragments of a second and
// segments of six: by a server, which also keeps a spool, a journal and sums, and by
// ffmpeg, which takes the same publisher and copies him to the disk as HLS.
func BenchmarkRecording(b *testing.B) {
	clip := recordedClip(b)
	b.Run("by=weir", func(b *testing.B) {
		dir := b.TempDir()
		s := startServer(b, strings.ReplaceAll(recordConfiguration, "{dir}", dir))
		record(b, s.pid, dir+"/store", clip, "rtmp://"+s.rtmp+"/live/show")
	})
	b.Run("by=ffmpeg", func(b *testing.B) {
		dir, at := b.TempDir(), freeAddress(b)
		url := "rtmp://" + at + "/live/show"
		cmd := exec.Command("ffmpeg", "-v", "error", "-nostdin", "-listen", "1", "-f", "flv", "-i", url, "-c", "copy",
			"-f", "hls", "-hls_segment_type", "fmp4", "-hls_time", "6", "-hls_list_size", "0", "-hls_playlist_type", "event",
			"-hls_segment_options", "movflags=+frag_keyframe:frag_duration=1000000", filepath.Join(dir, "index.m3u8"))
		s := run(b, cmd, "ffmpeg")
		s.await(b, func() bool { return listens(b, at) })
		record(b, s.pid, dir, clip, url)
	})
}

const clipLength = 10 * time.Second

// recordedClip is 10 s of 1080p30 at 6 Mbit/s with sound.
func recordedClip(b *testing.B) string {
	b.Helper()
	clip := filepath.Join(b.TempDir(), "clip.flv")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30,noise=alls=20:allf=t",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", fmt.Sprint(clipLength.Seconds()), "-c:v", "libx264", "-preset", "ultrafast",
		"-b:v", "6M", "-maxrate", "6M", "-bufsize", "6M", "-g", "60", "-sc_threshold", "0", "-c:a", "aac", "-b:a", "128k", clip).CombinedOutput()
	if err != nil {
		b.Skipf("ffmpeg makes no clip: %v\n%s", err, out)
	}
	return clip
}

// record publishes a clip in real time, and measures what recording it below dir costs the
// process.
func record(b *testing.B, pid int, dir, clip, url string) {
	b.Helper()
	run(b, exec.Command("ffmpeg", "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", clip, "-c", "copy", "-f", "flv", url), "the publisher")
	<-time.After(recordSettle)
	info, err := os.Stat(clip)
	if err != nil {
		b.Fatal(err)
	}
	steady := max(span(b, measureVariable, measure), 12*time.Second)
	var used, passed time.Duration
	for b.Loop() {
		cpu, began := cpuTime(b, pid), time.Now()
		<-time.After(steady)
		used, passed = used+cpuTime(b, pid)-cpu, passed+time.Since(began)
	}
	if size(b, dir) < info.Size()/2 {
		b.Fatalf("nothing is recorded in %s", dir)
	}
	rate := float64(info.Size()) * 8 / 1e6 / clipLength.Seconds()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(used)/passed.Seconds()/rate, "cpu-ms/Mbit")
	b.ReportMetric(rate, "Mbit/s")
	b.ReportMetric(calibrate(b), "cal-ns")
}

// listens says whether a process listens at an address, without connecting: ffmpeg takes
// one connection.
func listens(b *testing.B, address string) bool {
	b.Helper()
	_, port, _ := net.SplitHostPort(address)
	text, err := os.ReadFile("/proc/net/tcp")
	n, bad := strconv.Atoi(port)
	if err != nil || bad != nil {
		b.Fatal(err, bad)
	}
	return strings.Contains(string(text), fmt.Sprintf(":%04X 00000000:0000 0A", n))
}

// size is how much is in the files of a directory, in bytes.
func size(b *testing.B, dir string) (n int64) {
	b.Helper()
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}
