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
)

// byWebRTC takes publishers by WHIP at live/… and by RTMP at rtmp/…, and serves both
// by WHEP and by HLS.
const byWebRTC = `
server:
  http: {listen: "%[1]s"}
  rtmp: {listen: "%[2]s"}
  webrtc: {udp: "%[3]s", tcp: "%[3]s"}
pipelines:
  live/{name}:
    when: published
    stages:
      cam: {use: ingest/whip, with: {key: "` + key + `", grace: 4s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true}}
      watch: {use: outputs/whep, from: cam}
  rtmp/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 4s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true}}
      watch: {use: outputs/whep, from: cam}
`

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
	Video                        map[string]float64 // rises of what getStats counts, of the first layer
	Seconds                      float64            // for which it was live
	Methods                      []string
	External, Errors, Violations []string
}

// goLive publishes from the page of a stream for that many seconds. It returns once
// the stream is live; done waits for the end.
func goLive(t *testing.T, url string, seconds int, options ...string) (done func() sending) {
	t.Helper()
	return goLiveFrom(t, nil, url, seconds, options...)
}

// goLiveFrom is goLive with words in front of the command.
func goLiveFrom(t *testing.T, where []string, url string, seconds int, options ...string) (done func() sending) {
	t.Helper()
	words := slices.Concat(where, []string{"node", "studio.mjs", url, key, "seconds=" + strconv.Itoa(seconds)}, options)
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	var out bytes.Buffer
	cmd.Stdout = &out
	said, err := cmd.StderrPipe()
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
		for lines.Scan() {
			t.Log(lines.Text())
		}
		if err := cmd.Wait(); err != nil {
			t.Fatalf("studio.mjs: %v", err)
		}
		t.Logf("%s", out.String())
		var s sending
		if err := json.Unmarshal(out.Bytes(), &s); err != nil {
			t.Fatal(err)
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
	w := startWith(t, byWebRTC)
	done := goLive(t, "http://"+w.http+"/live/studio/publish", 25, "size=640x360")
	r := watch(t, "http://"+w.http+"/live/studio", 15)()
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
	w := startWith(t, byWebRTC)
	done := goLive(t, "http://"+w.http+"/live/studio/publish", 35, "source=camera", "size=640x360")
	r := watch(t, "http://"+w.http+"/live/studio", 10)()
	done()
	wantWebRTC(t, r)
	wantSound(t, r)
}

// What goes out by WHIP, H.264 and Opus, is played by hls.js as well: of the camera, and
// of the test pattern, whose clock says how long that takes.
func TestWHIPToHLS(t *testing.T) {
	for _, source := range []string{"camera", "pattern"} {
		t.Run(source, func(t *testing.T) {
			w := startWith(t, byWebRTC)
			done := goLive(t, "http://"+w.http+"/live/studio/publish", 45, "source="+source, "size=640x360", "codec=H264")
			<-time.After(6 * time.Second) // there is something to play by HLS
			r := watch(t, "http://"+w.http+"/live/studio", 15, "block=media")()
			done()
			if r.FPS < 25 || !slices.Equal(r.Ways, []string{"hls"}) || r.Stalls > 1 {
				t.Errorf("%.1f frames per second by %q, %d stalls", r.FPS, r.Ways, r.Stalls)
			}
			wantSound(t, r)
			if !strings.HasPrefix(r.VideoCodec, "avc1.") || !strings.EqualFold(r.AudioCodec, "opus") || r.Width != 640 {
				t.Errorf("%d wide, %q, %q", r.Width, r.VideoCodec, r.AudioCodec)
			}
			if r.Latency == nil || r.Latency.Median <= 0 || r.Latency.Median > 3 {
				t.Errorf("latency: %+v", r.Latency)
			} else {
				t.Logf("latency by the clock: %.2f s, to the edge: %.2f s", r.Latency.Median, r.EdgeLatency.Median)
			}
			if source != "pattern" {
				return
			}
			if r.Glass == nil || r.Glass.Median <= 0 || r.Glass.Median > 3 {
				t.Errorf("latency from glass to glass: %+v", r.Glass)
			} else {
				t.Logf("latency from glass to glass: %.2f s", r.Glass.Median)
			}
		})
	}
}

// The menu of the watch page leads to each of a publisher's layers.
func TestSimulcast(t *testing.T) {
	w := startWith(t, byWebRTC)
	done := goLive(t, "http://"+w.http+"/live/studio/publish", 35, "simulcast=1")
	<-time.After(5 * time.Second) // all layers have begun
	r := watch(t, "http://"+w.http+"/live/studio", 5, "layers=1")()
	done()
	want := map[string]int{"low": 320, "medium": 640, "high": 1280}
	for name, width := range want {
		if r.Layers[name] != width {
			t.Errorf("layer %s is %d wide, not %d", name, r.Layers[name], width)
		}
	}
}

func TestRTMPToWebRTC(t *testing.T) {
	w := startWith(t, byWebRTC)
	w.publishAt(t, "rtmp/studio", demo)
	wantWebRTC(t, watch(t, "http://"+w.http+"/rtmp/studio", 10)())
}

// What OBS sends by default, with B-frames and AAC, is made into what a browser plays.
func TestAdaptedToWebRTC(t *testing.T) {
	if _, err := os.Stat("../../bin/weir-av"); err != nil {
		t.Skip("bin/weir-av is not built (make libav)")
	}
	w := startWith(t, byWebRTC)
	w.publishAt(t, "rtmp/studio", "../../testdata/media/h264-bframes-aac.mp4")
	r := watch(t, "http://"+w.http+"/rtmp/studio", 12)()
	wantWebRTC(t, r)
	wantSound(t, r)
}

// Where media do not get through, the page plays by HLS within 5 seconds, and says so.
func TestFallback(t *testing.T) {
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
	w := startWith(t, byWebRTC)
	w.publishAt(t, "rtmp/studio", demo)
	<-time.After(6 * time.Second)
	r := watch(t, "http://"+w.http+"/rtmp/studio", 15, "block=full", "blocks=1")()
	if *r.FirstPicture > 5 || !slices.Equal(r.Ways, []string{"hls", "webrtc"}) || r.Posts != 2 {
		t.Errorf("a picture after %.1f s by %q, %d offers", *r.FirstPicture, r.Ways, r.Posts)
	}
	if r.Words != "Live by WebRTC" {
		t.Errorf("%q", r.Words)
	}
}
