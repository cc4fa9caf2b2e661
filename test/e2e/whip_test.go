//go:build e2e

package e2e

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"weir/test/machine"
)

// whipFFmpeg is an ffmpeg that publishes by WHIP: from 8 on, built with OpenSSL. It is
// looked for in PATH, and where scripts/libav.sh --with-ffmpeg leaves its own.
func whipFFmpeg(t *testing.T) string {
	t.Helper()
	programs := []string{"ffmpeg"}
	if cache, err := os.UserCacheDir(); err == nil {
		built, _ := filepath.Glob(filepath.Join(cache, "weir", "libav-*", "bin", "ffmpeg"))
		programs = append(programs, built...)
	}
	for _, program := range programs {
		out, _ := exec.CommandContext(t.Context(), program, "-hide_banner", "-h", "muxer=whip").CombinedOutput()
		if bytes.Contains(out, []byte("-authorization")) {
			return program
		}
	}
	t.Skip("no ffmpeg here publishes by WHIP: install FFmpeg 8, or run scripts/libav.sh --with-ffmpeg")
	return ""
}

// FFmpeg publishes by WHIP.
func TestFFmpegByWHIP(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.65)
	program := whipFFmpeg(t)
	foreign(t, "Dispose resource", program, "-hide_banner", "-loglevel", "verbose", "-nostdin", "-re",
		"-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=440:sample_rate=48000", "-t", "22",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-g", "60", "-b:v", "800k",
		"-c:a", "libopus", "-ac", "2", "-b:a", "64k", "-f", "whip", "-authorization", key, endpoint)
}

// GStreamer publishes by WHIP, with its webrtcbin.
func TestGStreamerByWHIP(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.65)
	const python = "/usr/bin/python3" // Debian's, which has Debian's bindings
	if out, err := exec.CommandContext(t.Context(), python, "gstreamer.py").Output(); err != nil {
		t.Skipf("GStreamer cannot publish here: %s (%v)", bytes.TrimSpace(out), err)
	}
	foreign(t, "deleted: 200", python, "gstreamer.py", endpoint, key, "22")
}

// endpoint stands for the one of the test's server in the words of a command.
const endpoint = "ENDPOINT"

// foreign runs a publisher, which is to end after about 22 s with these last words. It is
// watched by WebRTC, and what there is of it by HLS is decoded.
func foreign(t *testing.T, last string, words ...string) {
	t.Helper()
	w := startWith(t, byWebRTC)
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], endpoint, "http://"+w.http+"/live/foreign/whip")
	}
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := watch(t, "http://"+w.http+"/live/foreign", 8)()
	hls := decodeHLS(t, http.DefaultClient, "http://"+w.http+"/live/foreign")
	if err := cmd.Wait(); err != nil || !strings.Contains(log.String(), last) {
		t.Errorf("%s: %v\n%s", filepath.Base(words[0]), err, log.String())
	}
	wantWebRTC(t, r)
	wantSound(t, r)
	if hls.frames < 100 || hls.errors != "" {
		t.Errorf("%d frames decoded of HLS: %s", hls.frames, hls.errors)
	}
}
