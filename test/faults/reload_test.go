//go:build e2e

package faults

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The message of the log when a file is in force.
const applied = `"msg":"configuration applied"`

// reload sends SIGHUP and waits until the log has one more line with the words.
func (s *server) reload(words ...string) time.Duration {
	s.t.Helper()
	before, asked := len(s.log.lines(words...)), time.Now()
	s.signal(syscall.SIGHUP)
	eventually(s.t, 20*time.Second, "the log says "+strings.Join(words, " "), func() bool {
		return len(s.log.lines(words...)) > before
	})
	return time.Since(asked)
}

// R27: 200 reloads in a row, some of them of broken files, cost a stream that they
// do not touch nothing.
func TestReload(t *testing.T) {
	cores.Take(t, 0.25)
	s := start(t, standard)
	p, v := s.publish(t, "short/studio"), s.watch(t, "short/studio")
	st := newStream(t, 1, h264(t, 1280, 720), aac(t, 48000))
	p.play(st, 3*time.Second)
	sent, over := make(chan error, 1), make(chan struct{})
	go func() {
		for {
			if err := p.send(st, 100*time.Millisecond, 1); err != nil {
				sent <- err
				return
			}
			select {
			case <-over:
				sent <- nil
				return
			default:
			}
		}
	}()
	another := standard + `
  other/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `"}}
      hls: {use: outputs/hls, from: cam, with: {segment: %ds}}
`
	broken := standard + "  broken/{name}:\n    when: published\n    stages:\n      cam: {use: ingest/rtmp, with: {kee: x}}\n"
	line := fmt.Sprintf(`"line":%d`, strings.Count(broken, "\n"))
	column := fmt.Sprintf(`"column":%d`, strings.Index("      cam: {use: ingest/rtmp, with: {kee: x}}", "kee")+1)

	before := s.usage()
	var took []time.Duration
	for i := range 200 {
		switch i % 4 {
		case 0:
			s.configure(standard)
		case 1:
			s.configure(fmt.Sprintf(another, 2))
		case 2:
			s.configure(fmt.Sprintf(another, 3))
		case 3:
			s.configure(broken)
			s.reload(`"level":"ERROR"`, "weir.yaml", line, column)
			continue
		}
		took = append(took, s.reload(applied))
	}
	after := s.usage()
	close(over)
	if err := <-sent; err != nil {
		t.Error(err)
	}
	p.close()
	v.end(20 * time.Second)
	video, audio := whole(t, p, v, true)
	if n := discontinuities(v.samples("video")); n > 0 {
		t.Errorf("%d discontinuities", n)
	}
	if after.goroutines > before.goroutines+5 || after.fds > before.fds+5 || after.rss > before.rss+32<<20 {
		t.Errorf("before: %v, after: %v", before, after)
	}
	slices.Sort(took)
	figure(t, "R27", "reloads=200 applied=%d refused=50 p50=%v max=%v lost_video=%d lost_audio=%d before: %v, after: %v",
		len(took), took[len(took)/2], took[len(took)-1], len(video.lost), len(audio.lost), before, after)
}

// R27: an edit of one stage restarts that stage only, and its viewers go on.
func TestReloadOneStage(t *testing.T) {
	cores.Take(t, 0.2)
	s := start(t, standard)
	beside := s.stand(t, "live/beside")
	p, v := s.publish(t, "short/studio"), s.watch(t, "short/studio")
	st := newStream(t, 1, h264(t, 1280, 720), aac(t, 48000))
	p.play(st, 5500*time.Millisecond)
	changed := strings.Replace(standard, "grace: 1s}}\n      hls: {use: outputs/hls, from: cam, with: {low_latency: true, segments: 20}}",
		"grace: 1s}}\n      hls: {use: outputs/hls, from: cam, with: {low_latency: true, segments: 19}}", 1)
	if changed == standard {
		t.Fatal("the file is the same")
	}
	s.configure(changed)
	took := s.reload(applied)
	p.play(st, 6*time.Second)
	p.close()
	v.end(20 * time.Second)
	if n := len(s.log.lines(`"msg":"publisher has come"`, `"short/studio"`)); n != 1 {
		t.Errorf("the source has taken %d publishers", n)
	}
	video, audio := settle(p.of(1), v.samples("video"), true), settle(p.of(2), v.samples("audio"), true)
	// The new run begins with the newest key frame, some of which was shown before.
	if len(video.lost) > 0 || len(audio.lost) > 0 || video.doubled > st.gop {
		t.Errorf("video: %v doubled=%d, audio: %v", video, video.doubled, audio)
	}
	if v.answers(404) > 0 {
		t.Errorf("%d answers with 404", v.answers(404))
	}
	steady(t, "video", v.samples("video"))
	plan := s.log.lines(`"msg":"configuration: `, `"pipeline":"short/{name}"`)
	figure(t, "R27", "case=one-stage applied=%v video: %v doubled=%d, audio: %v doubled=%d discontinuities=%d http=%v plan=%q bystanders=%d", took,
		video, video.doubled, audio, audio.doubled, discontinuities(v.samples("video")), v.statuses, plan, beside.leave())
}
