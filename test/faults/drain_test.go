//go:build e2e

package faults

import (
	"testing"
	"time"
)

// SIGTERM: nobody may begin, playlists end, viewers get all that was published, and
// the server leaves with status 0 (start wants that).
func TestDrain(t *testing.T) {
	cores.Take(t, 0.2)
	s := start(t, standard)
	p := s.publish(t, "live/studio")
	v := s.watch(t, "live/studio")
	sent := make(chan error, 1)
	go func() { sent <- p.send(newStream(t, 1, h264(t, 1280, 720), aac(t, 48000)), time.Minute, 1) }()
	v.sees(20*time.Second, "video", "a stream of 4 s", func(got sample) bool { return got.at > 4*time.Second })
	asked, pictures, sounds := time.Now(), len(p.of(1)), len(p.of(2))
	go s.stop()
	if err := <-sent; err == nil {
		t.Error("the publisher was not told to end")
	}
	told := time.Since(asked)
	eventually(t, 2*time.Second, "the server is not ready any more", func() bool { return s.status("/readyz") == 503 })
	unready := time.Since(asked)
	if code := s.status("/livez"); code != 200 {
		t.Errorf("/livez: %d", code)
	}
	if _, err := s.dial(t, "live/another", key); err == nil {
		t.Error("a publisher was let in")
	}
	v.end(20 * time.Second)
	ended := time.Since(asked)
	<-s.ended
	gone := time.Since(asked)
	video, audio := settle(p.of(1), v.samples("video"), true), settle(p.of(2), v.samples("audio"), true)
	// What the publisher wrote after the signal, until it was told, may not have been
	// read, nor what was under way.
	const unread = 3
	if len(video.lost) > max(unread, len(p.of(1))-pictures) || len(audio.lost) > max(unread, len(p.of(2))-sounds) {
		t.Errorf("video: %v, audio: %v", video, audio)
	}
	if !v.ended() {
		t.Error("the playlists have no end")
	}
	if n := s.log.lines(`"level":"ERROR"`); len(n) > 0 {
		t.Errorf("error in the log: %s", n[0])
	}
	figure(t, "drain", "publisher_told=%v readyz_503=%v endlist=%v exit=%v status=%v lost_video=%d lost_audio=%d",
		told, unready, ended, gone, s.err, len(video.lost), len(audio.lost))
}
