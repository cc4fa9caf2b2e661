//go:build e2e

package faults

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/test/machine"
)

// mixed is a programme of three cameras.
const mixed = `
pipelines:
  live/{name}:
    stages:
      a: {use: ingest/rtmp, with: {key: "` + key + `", grace: 30s}}
      b: {use: ingest/rtmp, with: {key: "` + key + `", grace: 30s, at: b}}
      c: {use: ingest/rtmp, with: {key: "` + key + `", grace: 30s, at: c}}
      mix:
        use: transcode/mixer
        from: [a, b, c]
        with:
          size: 640x360
          fps: 25
          layout: grid
          preset: ultrafast
          keyframe_every: 1s
          layers: [{name: hd, bitrate: 800k}]
      hls: {use: outputs/hls, from: mix, with: {low_latency: true, segments: 20}}
      watch: {use: outputs/whep, from: mix}
`

// camera publishes a picture of one colour and a tone until it is stopped. After the
// first one, key frames are ten seconds apart and more.
func (s *server) camera(t *testing.T, path, colour, size, rate string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-nostdin", "-re",
		"-f", "lavfi", "-i", "color="+colour+":size="+size+":rate="+rate, "-f", "lavfi", "-i", "sine=440:sample_rate=44100",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "300", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k",
		"-f", "flv", "rtmp://"+s.rtmp+"/"+path+"?key="+key)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() { cancel(); _ = cmd.Wait() })
	t.Cleanup(stop)
	return stop
}

// The size at which a screen is looked at.
const screenWidth, screenHeight = 64, 36

// screen is what one player, that never reconnects, shows of a programme.
type screen struct {
	mu     sync.Mutex // guards what follows
	newest []byte     // RGB
	frames int
	over   bool
}

// show plays a stream with ffmpeg until it ends.
func (s *server) show(t *testing.T, path string) *screen {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-i", "http://"+s.http+"/"+path+"/index.m3u8",
		"-map", "0:v:0", "-vf", "scale=64:36:flags=area", "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &screen{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			frame := make([]byte, 3*screenWidth*screenHeight)
			if _, err := io.ReadFull(out, frame); err != nil {
				break
			}
			c.mu.Lock()
			c.newest = frame
			c.frames++
			c.mu.Unlock()
		}
		_ = cmd.Wait()
		c.mu.Lock()
		c.over = true
		c.mu.Unlock()
	}()
	t.Cleanup(func() {
		<-done
		if t.Failed() {
			t.Logf("the player says %s", log.String())
		}
	})
	return c
}

// at names the colour at a place, in parts of the picture.
func (c *screen) at(x, y float64) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.newest == nil {
		return "nothing"
	}
	i := 3 * (int(y*screenHeight)*screenWidth + int(x*screenWidth))
	r, g, b := c.newest[i], c.newest[i+1], c.newest[i+2]
	switch {
	case r > 150 && g < 90 && b < 90:
		return "red"
	case g > 80 && r < 60 && b < 60:
		return "green"
	case b > 150 && r < 90 && g < 90:
		return "blue"
	case r < 40 && g < 40 && b < 40:
		return "black"
	default:
		return "other"
	}
}

// awaits waits until the screen has these colours in the upper left, the upper right,
// the middle at the left and the right, and the lower middle.
func (c *screen) awaits(t *testing.T, within time.Duration, want string) {
	t.Helper()
	var got string
	began := time.Now()
	defer func() { t.Logf("%q after %v", got, time.Since(began).Round(100*time.Millisecond)) }()
	eventually(t, within, want, func() bool {
		got = strings.Join([]string{c.at(0.25, 0.1), c.at(0.75, 0.1), c.at(0.25, 0.45), c.at(0.75, 0.45), c.at(0.5, 0.9)}, " ")
		return got == want
	})
}

// passes waits for so many more pictures.
func (c *screen) passes(t *testing.T, within time.Duration, frames int) {
	t.Helper()
	count := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.frames
	}
	from := count()
	eventually(t, within, "pictures go on", func() bool { return count() >= from+frames })
}

// Publishers of different sizes are one programme, whoever joins, leaves, or falls.
func TestMix(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.4)
	s := start(t, webrtc+transcoding(t, 8)+mixed)
	const path = "live/studio"
	const two, three = "black black red blue black", "red blue red blue green"
	stopA := s.camera(t, path, "red", "640x360", "25")
	stopB := s.camera(t, path+"/b", "blue", "480x270", "30")
	s.await(t, path, 1)
	player := s.show(t, path)
	player.awaits(t, 30*time.Second, two)

	stopC := s.camera(t, path+"/c", "green", "320x180", "15")
	player.awaits(t, 30*time.Second, three)
	stopC() // its picture stands, and then it leaves
	player.awaits(t, 40*time.Second, two)

	a, left, leave := s.viewer(t, path)
	defer leave()
	eventually(t, 10*time.Second, "a second of pictures", func() bool { return a.Pictures.Load() > 25 })

	before := s.workers(path)["mix"]
	if before.PID == 0 {
		t.Fatalf("there is no worker: %v", s.workers(path))
	}
	if err := syscall.Kill(before.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	longest := longestPause(t, a, 5*time.Second)
	after := s.workers(path)["mix"]
	if longest > 3*time.Second || after.PID == before.PID || after.Falls != before.Falls+1 {
		t.Errorf("no picture for %v; %+v became %+v", longest, before, after)
	}
	figure(t, "R13", "mix_gap=%v", longest)
	player.passes(t, 30*time.Second, 10*25) // what it shows then was made by the next worker
	player.awaits(t, time.Second, two)
	leave()
	if err := <-left; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("the viewer: %v", err)
	}
	stopA()
	stopB()
	if player.mu.Lock(); player.over {
		t.Error("the player lost the programme")
	}
	player.mu.Unlock()
	s.stop()
}
