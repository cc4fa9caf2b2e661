//go:build e2e

package faults

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"weir/pipeline/fmp4"
	"weir/pipeline/media"
	"weir/test/machine"
	"weir/test/versitygw"
)

// bucket is versitygw over a directory, with what stands in front of it.
type bucket struct {
	dir   string // of the bucket's objects
	proxy string // URL
	mode  atomic.Pointer[string]
	puts  atomic.Int64 // that have failed on the way
}

// The faults of a store.
const (
	healthy   = ""
	refused   = "refused"
	hanging   = "hanging"
	slowDown  = "503 SlowDown"
	reset     = "reset in mid-body"
	truncated = "truncated, and 200"
	forbidden = "403"
)

func newBucket(t *testing.T) *bucket {
	t.Helper()
	at, top := versitygw.Start(t)
	b := &bucket{dir: filepath.Join(top, versitygw.Bucket)}
	b.set(healthy)
	through := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: at})
	through.Director = func(r *http.Request) { r.URL.Scheme, r.URL.Host = "http", at } // the signature covers Host
	front := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.serve(w, r, through) })}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.proxy = "http://" + listener.Addr().String()
	go func() { _ = front.Serve(listener) }()
	t.Cleanup(func() { front.Close() })
	return b
}

func (b *bucket) set(mode string) { b.mode.Store(&mode) }

// serve lets a request through, or does to it what the mode says.
func (b *bucket) serve(w http.ResponseWriter, r *http.Request, through http.Handler) {
	mode := *b.mode.Load()
	if mode == healthy || mode == truncated && r.Method != http.MethodPut {
		through.ServeHTTP(w, r)
		return
	}
	b.puts.Add(1)
	switch mode {
	case refused:
		drop(w)
	case hanging:
		<-r.Context().Done()
	case slowDown:
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>")
	case forbidden:
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "<Error><Code>InvalidAccessKeyId</Code><Message>no</Message></Error>")
	case reset:
		_, _ = r.Body.Read(make([]byte, 1000))
		drop(w)
	case truncated:
		_, _ = r.Body.Read(make([]byte, 1000))
		r.Body.Close()
		w.WriteHeader(http.StatusOK)
	}
}

// drop ends the connection without an answer.
func drop(w http.ResponseWriter) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	c.Close()
}

// recording is a configuration that records into the bucket, from a spool.
func recording(b *bucket, spool string) string {
	return listeners + `
pipelines:
  short/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 1s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true, segments: 20}}
` + versitygw.Stage(b.proxy, spool)
}

// kept is a manifest as far as tests want to know it.
type kept struct {
	Prefix   string  `json:"prefix"`
	Seconds  float64 `json:"duration_seconds"`
	Reason   string  `json:"reason"`
	Segments []struct {
		URI     string  `json:"uri"`
		Init    string  `json:"init"`
		Bytes   int64   `json:"bytes"`
		SHA256  string  `json:"sha256"`
		Missing string  `json:"missing"`
		Suspect bool    `json:"suspect"`
		Seconds float64 `json:"dur"`
	} `json:"segments"`
}

// manifests are those in the bucket.
func (b *bucket) manifests(t *testing.T) (all []kept) {
	t.Helper()
	_ = filepath.WalkDir(b.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Name() == "manifest.json" {
			text, err := os.ReadFile(path)
			var k kept
			if err == nil && json.Unmarshal(text, &k) == nil {
				all = append(all, k)
			}
		}
		return nil
	})
	return all
}

// verify wants every object of a recording to be what the manifest says, and none that
// it does not know. It returns the samples of all.
func (b *bucket) verify(t *testing.T, k kept) (video, audio int) {
	t.Helper()
	listed := make(map[string]bool)
	for _, s := range k.Segments {
		name := filepath.Join(b.dir, k.Prefix, "media", s.URI)
		content, err := os.ReadFile(name)
		listed[name] = true
		if sum := sha256.Sum256(content); err != nil || fmt.Sprintf("%x", sum) != s.SHA256 || int64(len(content)) != s.Bytes || s.Missing != "" {
			t.Errorf("%s is not what was recorded: %v %s", s.URI, err, s.Missing)
		}
		good, err := fmp4.Scan(bytes.NewReader(content), int64(len(content)), func(f fmp4.Fragment) error {
			for _, r := range f.Runs {
				if r.Number == 1 {
					video += len(r.Samples)
				} else {
					audio += len(r.Samples)
				}
			}
			return nil
		})
		if err != nil || good != int64(len(content)) {
			t.Errorf("%s: %d of %d bytes are fragments: %v", s.URI, good, len(content), err)
		}
	}
	segments, _ := filepath.Glob(filepath.Join(b.dir, k.Prefix, "media", "*", "*.m4s"))
	for _, name := range segments {
		if !listed[name] {
			t.Errorf("%s is in no manifest", name)
		}
	}
	return video, audio
}

// noParts wants no multipart upload to be left.
func (b *bucket) noParts(t *testing.T) {
	t.Helper()
	if parts, _ := filepath.Glob(filepath.Join(b.dir, ".sgwtmp", "multipart", "*")); len(parts) > 0 {
		t.Errorf("multipart uploads are left: %v", parts)
	}
}

// goOn plays a stream, second by second, until it is over or the test has failed.
func (p *publisher) goOn(t *testing.T, st *stream) (over func()) {
	t.Helper()
	var ends atomic.Bool
	played := make(chan struct{})
	go func() {
		defer close(played)
		for !ends.Load() && !t.Failed() {
			p.play(st, time.Second)
		}
	}()
	return func() { ends.Store(true); <-played }
}

// R8, R9: whatever a store does, the recording is in it afterwards, and viewers notice
// nothing.
func TestStoreFails(t *testing.T) {
	cores.Take(t, 0.4)
	each := time.Duration(0) // how long a fault lasts behind its first victim
	if soak() {
		each = 2 * time.Minute
	}
	b := newBucket(t)
	s := start(t, recording(b, t.TempDir()))
	p := s.publish(t, "short/kept")
	v := s.watch(t, "short/kept")
	over := p.goOn(t, newStream(t, 1, h264(t, 1280, 720), aac(t, 48000)))
	modes := []string{refused, slowDown, reset, truncated, forbidden, hanging}
	for i, m := range modes {
		before := b.puts.Load()
		b.set(m)
		eventually(t, 30*time.Second, m+" meets a request", func() bool { return b.puts.Load() > before })
		if m != hanging {
			eventually(t, 5*time.Second, "somebody is told", func() bool { return len(s.log.lines("recordings are not uploaded")) > i })
		}
		pause(t, each)
		b.set(healthy)
		if m != hanging {
			eventually(t, 60*time.Second, m+" is over", func() bool { return len(s.log.lines("recordings are uploaded again")) > i })
		}
	}
	if len(s.log.lines("put a valid pair into access_key and secret_key")) == 0 {
		t.Error("the remedy for a revoked key is not named")
	}
	healed := time.Now()
	made := b.recorded(t, p, v, over)
	took := time.Since(healed)
	video, audio := b.verify(t, made)
	sentV, sentA := len(p.of(media.KindVideo)), len(p.of(media.KindAudio))
	if video != sentV || audio < sentA-2 {
		t.Errorf("%d of %d pictures and %d of %d sounds are recorded", video, sentV, audio, sentA)
	}
	b.noParts(t)
	figure(t, "R8", "modes=%d for=%v requests_failed=%d lost_pictures=%d lost_sounds=%d complete_after=%v segments=%d",
		len(modes), each, b.puts.Load(), sentV-video, sentA-audio, took.Round(10*time.Millisecond), len(made.Segments))
}

// R12: a server that is killed loses the last second, and its successor uploads the rest.
func TestKilledWhileRecording(t *testing.T) {
	cores.Take(t, 0.4)
	times := 2
	if soak() {
		times = 50
	}
	b := newBucket(t)
	spool := t.TempDir()
	var worst, slowest time.Duration
	for i := range times {
		s := start(t, recording(b, spool))
		p := s.publish(t, "short/killed")
		// Instants that differ, the same in each run.
		length := 3*time.Second + time.Duration(i*377%2000)*time.Millisecond
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer cancel()
			_ = p.send(newStream(t, uint32(i), h264(t, 1280, 720), aac(t, 48000)), time.Hour, 1)
		}()
		pause(t, length)
		s.stop = func() {}
		if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		killed := time.Now()
		<-s.ended
		p.reset()
		<-ctx.Done()
		sent := 0
		for _, f := range p.of(media.KindVideo) {
			if f.when.Before(killed) {
				sent++
			}
		}

		next := start(t, recording(b, spool))
		restarted := time.Now()
		var all []kept
		eventually(t, 30*time.Second, "what was left is uploaded", func() bool { all = b.manifests(t); return len(all) == i+1 })
		slowest = max(slowest, time.Since(restarted))
		newest := all[0]
		for _, k := range all {
			if k.Prefix > newest.Prefix {
				newest = k
			}
		}
		video, _ := b.verify(t, newest)
		lost := time.Duration(sent-video) * time.Second / 30
		worst = max(worst, lost)
		if lost > 1200*time.Millisecond {
			t.Errorf("%v are lost: %d of %d pictures are there", lost, video, sent)
		}
		b.opens(t, newest)
		next.stop()
	}
	for _, k := range b.manifests(t) {
		b.verify(t, k) // nothing was overwritten
	}
	b.noParts(t)
	figure(t, "R12", "kills=%d lost_max=%v adopted_max=%v", times, worst, slowest.Round(time.Millisecond))
}

// opens wants ffprobe to read every segment behind its init section, without repair.
func (b *bucket) opens(t *testing.T, k kept) {
	t.Helper()
	for _, s := range k.Segments {
		cmd := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0",
			"concat:"+filepath.Join(b.dir, k.Prefix, "media", s.Init)+"|"+filepath.Join(b.dir, k.Prefix, "media", s.URI))
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "h264") || !strings.Contains(string(out), "aac") {
			t.Errorf("ffprobe %s: %v\n%s", s.URI, err, out)
		}
	}
}

// R10: a spool whose disk is full pauses the recording and says so; when there is space
// again it goes on. Viewers notice nothing.
func TestSpoolIsFull(t *testing.T) {
	cores.Take(t, 0.4)
	spool := t.TempDir()
	if err := syscall.Mount("tmpfs", spool, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("no small file system can be mounted: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(spool, syscall.MNT_DETACH) })
	b := newBucket(t)
	b.set(refused)
	s := start(t, recording(b, spool))
	p := s.publish(t, "short/full")
	v := s.watch(t, "short/full")
	st := newStream(t, 1, h264(t, 1280, 720), aac(t, 48000))
	st.size = 77_000
	over := p.goOn(t, st)
	says := func(words ...string) func() bool {
		return func() bool { _, text := s.get("/v1/streams?stages=true"); return holdsAll(text, words) }
	}
	began := time.Now()
	eventually(t, 30*time.Second, "the recording pauses", says(`"paused"`, `"disk full"`))
	filled := time.Since(began)
	b.set(healthy)
	healed := time.Now()
	eventually(t, 60*time.Second, "the recording goes on", says(`"state":"recording"`))
	resumed := time.Since(healed)
	pause(t, 2*time.Second)
	made := b.recorded(t, p, v, over)
	video, _ := b.verify(t, made)
	b.opens(t, made)
	figure(t, "R10", "paused_after=%v resumed_after=%v pictures=%d of %d", filled.Round(time.Millisecond), resumed.Round(time.Millisecond), video, len(p.of(media.KindVideo)))
}

// recorded ends a publisher, whose viewer has to have lost nothing, and is the one recording
// there is once that is complete.
func (b *bucket) recorded(t *testing.T, p *publisher, v *viewer, over func()) kept {
	t.Helper()
	over()
	p.close()
	v.end(20 * time.Second)
	whole(t, p, v, true)
	var all []kept
	eventually(t, 60*time.Second, "the recording is complete", func() bool { all = b.manifests(t); return len(all) == 1 })
	return all[0]
}

// R11: a disk that takes two seconds to sync, or cannot, costs no viewer anything. What
// it would not sync is suspect, and the recording goes on in another file. Which syncs
// fail is up to the scheduler, for the tracer counts those of each thread: of the journal,
// of what a file begins with, or of a segment, which is suspect then.
func TestDiskIsIll(t *testing.T) {
	machine.Long(t)
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("no strace (apt-get install strace)")
	}
	for name, c := range map[string]struct {
		fault   string
		suspect bool
	}{
		"slow":    {"delay_enter=2000000:when=4..9", false},
		"failing": {"error=EIO:when=4..6", true},
	} {
		t.Run(name, func(t *testing.T) {
			cores.Take(t, 0.4)
			b := newBucket(t)
			// The tracer is no parent, and only sees what it breaks.
			ill := fmt.Sprintf(`exec strace -D -f --seccomp-bpf -qq -o /dev/null -e trace=fsync -e inject=fsync:%s "$0" run "$1"; false`, c.fault)
			s := startLimited(t, recording(b, t.TempDir()), ill)
			p := s.publish(t, "short/ill")
			v := s.watch(t, "short/ill")
			over := p.goOn(t, newStream(t, 1, h264(t, 1280, 720), aac(t, 48000)))
			longest := 0.0
			if c.suspect {
				eventually(t, 30*time.Second, "it is said", func() bool { return len(s.log.lines("recording paused")) > 0 })
			} else {
				eventually(t, 30*time.Second, "something waits for the disk", func() bool { longest = max(longest, s.unflushed()); return longest > 1.5 })
			}
			times, since := 0, time.Now()
			eventually(t, 60*time.Second, "the recording goes on, without another fault for a while", func() bool {
				if n := len(s.log.lines("recording paused")); n != times {
					times, since = n, time.Now()
				}
				_, text := s.get("/v1/streams?stages=true")
				return holdsAll(text, []string{`"state":"recording"`}) && s.unflushed() < 1 && time.Since(since) > 3*time.Second
			})
			pause(t, 3*time.Second)
			made := b.recorded(t, p, v, over)
			video, _ := b.verify(t, made)
			b.opens(t, made)
			suspect := 0
			for _, seg := range made.Segments {
				if seg.Suspect {
					suspect++
				}
			}
			lost := len(p.of(media.KindVideo)) - video
			// A fault in the beginning of a segment costs it; after the last one there were 6 s.
			if (suspect > 0 || lost > 0) && !c.suspect || video < 90 {
				t.Errorf("%d segments are suspect, %d pictures are lost by %d faults, %d are there", suspect, lost, times, video)
			}
			figure(t, "R11 "+name, "lost_pictures=%d of %d faults=%d suspect_segments=%d unflushed_max=%.1fs", lost, len(p.of(media.KindVideo)), times, suspect, longest)
		})
	}
}

// unflushed is for how long the oldest fragment of a recording has waited for the disk, in
// seconds.
func (s *server) unflushed() float64 {
	_, text := s.get("/v1/streams?stages=true")
	_, text, ok := strings.Cut(text, `"unflushed_seconds":`)
	if !ok {
		return 0
	}
	var v float64
	_, _ = fmt.Sscan(strings.TrimLeft(text, " "), &v)
	return v
}
