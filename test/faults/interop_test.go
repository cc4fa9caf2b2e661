//go:build e2e

package faults

import (
	"bytes"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/test/machine"
)

const clips = "../../testdata/media/"

// encode publishes a clip that many times over with Debian's ffmpeg, speed times as
// fast as it plays.
func (s *server) encode(t testing.TB, path, clip string, times int, speed string) (wait func()) {
	t.Helper()
	return s.encodeFile(t, path, clips+clip, times, "-readrate", speed)
}

// encodeFile is encode of any file, with options of ffmpeg in front of it; without any at
// the speed at which it plays.
func (s *server) encodeFile(t testing.TB, path, file string, times int, options ...string) (wait func()) {
	t.Helper()
	if len(options) == 0 {
		options = []string{"-re"}
	}
	words := slices.Concat([]string{"-v", "error", "-nostdin"}, options, []string{"-stream_loop", strconv.Itoa(times - 1)})
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append(words,
		"-i", file, "-map", "0", "-c", "copy", "-f", "flv", "rtmp://"+s.rtmp+"/"+path+"?key="+key)...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := cmd.Wait(); err != nil {
			t.Errorf("ffmpeg: %v\n%s", err, log.String())
		}
	}
}

// interop has the same stream in every container.
const interop = listeners + `
pipelines:
  low/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 1s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true, segments: 20}}
  plain/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 1s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: false, segment: 1s, segments: 20}}
  ts/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 1s}}
      hls: {use: outputs/hls, from: cam, with: {container: mpegts, segment: 2s, segments: 20}}
`

// Real publishers and real readers, with each clip. The first reader is ours, then
// ffmpeg without and with decoding, and gohlslib.
func TestInterop(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.8)
	s := start(t, interop)
	const times = 3
	for _, c := range []struct {
		app, clip string
		// ours says that the clip is published by us, because Debian's ffmpeg cannot
		// put its codecs into FLV.
		ours bool
		// foreign says that gohlslib's client does not know the codecs.
		foreign bool
	}{
		{app: "low", clip: "h264-aac.mp4"},
		{app: "low", clip: "h264-aac.flv"},
		{app: "low", clip: "h264-bframes-aac.mp4"},
		{app: "low", clip: "video-only.mp4"},
		{app: "low", clip: "audio-only.mp4"},
		{app: "low", clip: "h264-opus.mp4", ours: true},
		{app: "low", clip: "h265-aac.mp4", ours: true},
		{app: "low", clip: "av1-opus.mp4", ours: true, foreign: true},
		{app: "plain", clip: "h264-bframes-aac.mp4"},
		{app: "plain", clip: "h265-aac.mp4", ours: true},
		{app: "ts", clip: "h264-aac.mp4"},
		{app: "ts", clip: "h264-bframes-aac.mp4"},
	} {
		t.Run(c.app+"/"+c.clip, func(t *testing.T) {
			t.Parallel()
			path := c.app + "/" + c.clip
			var sent []packet
			var wait func()
			if c.ours {
				sent = loaded(t, clips+c.clip, times)
				p := s.publish(t, path)
				done := make(chan struct{})
				go func() { defer close(done); p.perform(sent); p.close() }()
				wait = func() { <-done }
			} else {
				sent = played(t, clips+c.clip, times)
				wait = s.encode(t, path, c.clip, times, "1")
			}
			var v *viewer
			if c.app != "ts" {
				v = s.watch(t, path)
			}
			s.await(t, path, 1)
			copied, decoded := s.ffmpeg(t, path, false), s.ffmpeg(t, path, true)
			if c.app != "low" {
				s.await(t, path, 4) // gohlslib does not wait for them
			}
			played := func() *player { return nil }
			if !c.foreign {
				played = s.play(t, path)
			}
			wait()
			if v != nil {
				v.end(30 * time.Second)
				judge(t, path, "viewer", sent, v.packets(), nil)
			}
			if got := copied(); c.app != "ts" {
				judge(t, path, "ffmpeg", sent, got, nil)
			}
			counted(t, path, sent, decoded())
			if p := played(); p != nil {
				judge(t, path, "gohlslib", sent, p.all, p.skipped)
			}
		})
	}
}

// judge wants that a reader got everything from its first frame on, in order and in
// step. What a reader has skipped by itself, counted in parts, does not count.
func judge(t *testing.T, clip, reader string, sent, got []packet, skipped func(media.Kind) int) {
	t.Helper()
	for kind, c := range compare(sent, got) {
		const most = 11 // frames in a part
		skips := 0
		if skipped != nil {
			skips = skipped(kind)
		}
		if c.got < c.sent/10 || c.alien > 0 || c.late > 0 || c.doubled > 0 || c.lost > most*skips {
			t.Errorf("%s: %v: %+v", reader, kind, *c)
		}
		if skipped == nil && (c.tail > 0 || c.head > 2 || kind == media.KindVideo && c.head > 0) {
			t.Errorf("%s: %v: the first %d and the last %d frames are missing", reader, kind, c.head, c.tail)
		}
		if c.skew > 40*time.Millisecond {
			t.Errorf("%s: skew %v", reader, c.skew)
		}
		figure(t, "interop", "clip=%s reader=%s kind=%v sent=%d got=%d before_first=%d lost=%d after_last=%d parts_skipped=%d holes=%v skew=%v",
			clip, reader, kind, c.sent, c.got, c.head, c.lost, c.tail, skips, c.holes, c.skew)
	}
}

// counted wants that a decoder made a picture of each one that was sent.
func counted(t *testing.T, clip string, sent, decoded []packet) {
	t.Helper()
	count := func(ps []packet) (n int) {
		for _, p := range ps {
			if p.kind == media.KindVideo {
				n++
			}
		}
		return n
	}
	if want, n := count(sent), count(decoded); n != want {
		t.Errorf("%d pictures were decoded of %d", n, want)
	}
	var last time.Duration
	for i, p := range decoded {
		if p.kind == media.KindVideo {
			if i > 0 && p.pts <= last && last != 0 {
				t.Errorf("a picture is shown at %v, after one at %v", p.pts, last)
			}
			last = p.pts
		}
	}
	figure(t, "interop", "clip=%s reader=ffmpeg-decoder pictures=%d", clip, count(decoded))
}
