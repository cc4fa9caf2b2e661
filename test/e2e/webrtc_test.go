//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/test/machine"
)

// sending is what studio.mjs saw.
type sending struct {
	Live   bool
	After  float64 // s from the click
	Status string
	Level  float64 // dB
	Sent   *struct {
		Layers []struct {
			Name, Kind, Codec string
			Width, KeyFrames  int
		}
	}
	Devices                      map[string][]string // to choose from: camera, microphone
	Rows                         []string            // of the statistics
	Video                        map[string]float64  // rises of what getStats counts, of the first layer
	Seconds                      float64             // for which it was live
	Series                       [][2]float64        // ms since 1970, pictures sent
	Methods                      []string
	External, Errors, Violations []string
}

// goLive publishes from the page of a stream, for that many seconds at most. It returns
// once the stream is live; done ends it.
func goLive(t *testing.T, url string, seconds int, options ...string) (done func() sending) {
	t.Helper()
	return goLiveFrom(t, nil, url, seconds, options...)
}

// goLiveFrom is goLive with words in front of the command.
func goLiveFrom(t *testing.T, where []string, url string, seconds int, options ...string) (done func() sending) {
	t.Helper()
	words := slices.Concat(where, []string{"node", "studio.mjs", url, key, "seconds=" + strconv.Itoa(seconds)}, small(), options)
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	var out bytes.Buffer
	cmd.Stdout = &out
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	going, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	if !lines.Scan() || lines.Text() != "live" {
		_ = cmd.Wait()
		t.Fatalf("studio.mjs: %q\n%s", lines.Text(), out.String())
	}
	return func() sending {
		t.Helper()
		_ = going.Close()
		for lines.Scan() {
			t.Log(lines.Text())
		}
		if err := cmd.Wait(); err != nil {
			t.Fatalf("studio.mjs: %v", err)
		}
		var s sending
		if err := json.Unmarshal(out.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		if len(s.Series) == 0 {
			t.Logf("%s", out.String())
		}
		for what, list := range map[string][]string{
			"requests to other hosts": s.External, "policy violations": s.Violations, "errors": s.Errors,
		} {
			if len(list) != 0 {
				t.Errorf("%s: %q", what, list)
			}
		}
		if !slices.Equal(s.Methods, []string{"OPTIONS", "POST", "DELETE"}) {
			t.Errorf("the page asked the endpoint %q", s.Methods)
		}
		return s
	}
}

func wantWebRTC(t *testing.T, r report) {
	t.Helper()
	if r.FPS < 25 {
		t.Errorf("%.1f frames per second", r.FPS)
	}
	if r.Way != "webrtc" || r.Words != "Live by WebRTC" || r.Stalls != 0 || r.Posts != 1 {
		t.Errorf("%q: %q, %d stalls, %d offers", r.Way, r.Words, r.Stalls, r.Posts)
	}
}

func wantSound(t *testing.T, r report) {
	t.Helper()
	if r.RMS < 0.01 || r.AudioBytes == 0 || r.Muted {
		t.Errorf("no sound: loudness %.4f, %d bytes, muted %v", r.RMS, r.AudioBytes, r.Muted)
	}
}

// The test pattern goes out by WHIP and is watched by WHEP; its clock says how long
// that takes.
func TestPublishPage(t *testing.T) {
	cores.Take(t, 1.1)
	w := startWith(t, byWebRTC)
	done := goLive(t, "http://"+w.http+"/live/studio/publish", 120, "size=640x360")
	r := watch(t, "http://"+w.http+"/live/studio", 10)()
	s := done()
	wantWebRTC(t, r)
	wantSound(t, r)
	if r.Glass == nil || r.Glass.Median <= 0 || r.Glass.Median > 1 {
		t.Errorf("latency from glass to glass: %+v", r.Glass)
	} else {
		t.Logf("latency from glass to glass: %.0f ms", r.Glass.Median*1000)
	}
	if r.Latency == nil || r.Latency.Median > 1 {
		t.Errorf("latency: %+v", r.Latency)
	}
	if s.Level < -40 || s.Sent == nil || len(s.Sent.Layers) != 2 {
		t.Errorf("the page shows a level of %.0f dB and %+v", s.Level, s.Sent)
	}
}

func TestPublishCamera(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 1.1)
	w := startWith(t, byWebRTC)
	done := goLive(t, "http://"+w.http+"/live/studio/publish", 120, "source=camera", "size=640x360")
	r := watch(t, "http://"+w.http+"/live/studio", 10)()
	s := done()
	wantWebRTC(t, r)
	wantSound(t, r)
	for _, kind := range []string{"camera", "microphone"} {
		if !slices.ContainsFunc(s.Devices[kind], func(name string) bool { return strings.Contains(strings.ToLower(name), "fake") }) {
			t.Errorf("the page offers %q as a %s", s.Devices[kind], kind)
		}
	}
	if want := []string{"Audio", "Video", "Round trip", "Loss", "Way"}; !slices.Equal(s.Rows, want) {
		t.Errorf("the page tells %q of what goes out, not %q", s.Rows, want)
	}
}

// The watch page can be used without a mouse and without seeing it.
func TestWatchPageByKeyboard(t *testing.T) {
	cores.Take(t, 0.65)
	w := startWith(t, byWebRTC)
	w.publishAt(t, "rtmp/studio", demo)
	r := watch(t, "http://"+w.http+"/rtmp/studio", 3, "keys=1")()
	before, i, m, k := r.Keys.After[""], r.Keys.After["i"], r.Keys.After["m"], r.Keys.After["k"]
	if before.Figures != -1 || before.Expanded != "false" || i.Figures < 5 || i.Expanded != "true" {
		t.Errorf("i does not show the figures: %+v, then %+v", before, i)
	}
	if before.Muted || before.Pressed != "false" || !m.Muted || m.Pressed != "true" {
		t.Errorf("m does not mute: %+v, then %+v", before, m)
	}
	if before.Paused || !k.Paused {
		t.Errorf("k does not pause: %+v, then %+v", before, k)
	}
	if before.Status != "Live by WebRTC" {
		t.Errorf("a screen reader is told %q", before.Status)
	}
	for _, name := range []string{"Live stream", "Mute", "Figures"} {
		if !slices.Contains(r.Keys.Reached, name) {
			t.Errorf("Tab leads to %q, not to %s", r.Keys.Reached, name)
		}
	}
}

// What goes out by WHIP, H.264 and Opus, is played by hls.js as well; the clock of the test
// pattern says how long that takes.
func TestWHIPToHLS(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 1.1)
	w := startWith(t, byWebRTC)
	done := goLive(t, "http://"+w.http+"/live/studio/publish", 120, "size=640x360", "codec=H264")
	<-time.After(6 * time.Second) // there is something to play by HLS
	r := watch(t, "http://"+w.http+"/live/studio", 10, "block=media")()
	done()
	if r.FPS < 25 || !slices.Equal(r.Ways, []string{"hls"}) || r.Stalls > 1 {
		t.Errorf("%.1f frames per second by %q, %d stalls", r.FPS, r.Ways, r.Stalls)
	}
	wantSound(t, r)
	if !strings.HasPrefix(r.VideoCodec, "avc1.") || !strings.EqualFold(r.AudioCodec, "opus") || r.Width != 640 {
		t.Errorf("%d wide, %q, %q", r.Width, r.VideoCodec, r.AudioCodec)
	}
	for what, latency := range map[string]*spread{"by the clock": r.Latency, "from glass to glass": r.Glass} {
		if latency == nil || latency.Median <= 0 || latency.Median > 3 {
			t.Errorf("latency %s: %+v", what, latency)
		} else {
			t.Logf("latency %s: %.2f s", what, latency.Median)
		}
	}
}

// The layer that the page's address names is played, and its menu leads to each of them.
func TestSimulcast(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 1.1)
	w := startWith(t, byWebRTC)
	done := goLive(t, "http://"+w.http+"/live/studio/publish", 120, "simulcast=1")
	<-time.After(5 * time.Second) // all layers have begun
	r := watch(t, "http://"+w.http+"/live/studio?layer=low", 5, "layers=1")()
	done()
	want := map[string]int{"low": 320, "medium": 640, "high": 1280}
	if r.Width != want["low"] {
		t.Errorf("the layer of the address is %d wide, not %d", r.Width, want["low"])
	}
	for name, width := range want {
		if r.Layers[name] != width {
			t.Errorf("layer %s is %d wide, not %d", name, r.Layers[name], width)
		}
	}
}

func TestRTMPToWebRTC(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.65)
	w := startWith(t, byWebRTC)
	w.publishAt(t, "rtmp/studio", demo)
	wantWebRTC(t, watch(t, "http://"+w.http+"/rtmp/studio", 8)())
}

// What OBS sends by default, with B-frames and AAC, is made into what a browser plays.
func TestAdaptedToWebRTC(t *testing.T) {
	cores.Take(t, 1.1)
	if _, err := os.Stat("../../bin/weir-av"); err != nil {
		t.Skip("bin/weir-av is not built (make libav)")
	}
	w := startWith(t, byWebRTC)
	w.publishAt(t, "rtmp/studio", "../../testdata/media/h264-bframes-aac.mp4")
	r := watch(t, "http://"+w.http+"/rtmp/studio", 8)()
	wantWebRTC(t, r)
	wantSound(t, r)
}

// Where media do not get through, the page plays by HLS within 5 seconds, and says so. It
// runs alone: beside another browser that starts, the machine is what it waits for.
func TestFallback(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 2)
	w := startWith(t, byWebRTC)
	w.publishAt(t, "rtmp/studio", demo)
	<-time.After(6 * time.Second) // there is something to play by HLS
	r := watch(t, "http://"+w.http+"/rtmp/studio", 10, "block=media")()
	if *r.FirstPicture > 5 || !slices.Equal(r.Ways, []string{"hls"}) || r.Posts != 1 {
		t.Errorf("a picture after %.1f s by %q, %d offers", *r.FirstPicture, r.Ways, r.Posts)
	}
	if r.FPS < 25 || !strings.HasPrefix(r.Words, "Live by LL-HLS. Media by WebRTC do not get through.") {
		t.Errorf("%.1f frames per second, %q", r.FPS, r.Words)
	}
	wantSound(t, r)
}

// A server that is full is left alone for as long as it says, and then asked again
// behind the playback by HLS.
func TestServerFull(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.65)
	w := startWith(t, byWebRTC)
	w.publishAt(t, "rtmp/studio", demo)
	<-time.After(6 * time.Second)
	r := watch(t, "http://"+w.http+"/rtmp/studio", 15, "block=full", "blocks=1")()
	if !slices.Equal(r.Ways, []string{"hls", "webrtc"}) || r.Posts != 2 {
		t.Errorf("a picture after %.1f s by %q, %d offers", *r.FirstPicture, r.Ways, r.Posts)
	}
	if r.Words != "Live by WebRTC" {
		t.Errorf("%q", r.Words)
	}
}
