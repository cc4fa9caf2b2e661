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

// FFmpeg publishes by WHIP, is watched by WebRTC and by HLS, and leaves in good order.
func TestFFmpegByWHIP(t *testing.T) {
	program := whipFFmpeg(t)
	w := startWith(t, byWebRTC)
	cmd := exec.CommandContext(t.Context(), program, "-hide_banner", "-loglevel", "verbose", "-nostdin", "-re",
		"-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=440:sample_rate=48000", "-t", "35",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-g", "60", "-b:v", "800k",
		"-c:a", "libopus", "-ac", "2", "-b:a", "64k", "-f", "whip", "-authorization", key, "http://"+w.http+"/live/ffmpeg/whip")
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := watch(t, "http://"+w.http+"/live/ffmpeg", 8)()
	hls := decodeHLS(t, http.DefaultClient, "http://"+w.http+"/live/ffmpeg")
	if err := cmd.Wait(); err != nil || !strings.Contains(log.String(), "Dispose resource") {
		t.Errorf("ffmpeg: %v\n%s", err, log.String())
	}
	wantWebRTC(t, r)
	wantSound(t, r)
	if hls.frames < 100 || hls.errors != "" {
		t.Errorf("%d frames decoded of HLS: %s", hls.frames, hls.errors)
	}
}
