// Package ladder has what tests of ladders have in common: the stage that makes one, and a
// clip for its source.
package ladder

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Names of the layers, the source first.
var Names = []string{"source", "hd", "sd", "ld"}

// Height of the source in pixels. Ladders are made of 1080p if WEIR_SOAK wants the long
// forms of the tests, and else of half of that, at the same bitrates: it is a quarter of
// the work.
func Height() int {
	if os.Getenv("WEIR_SOAK") != "" {
		return 1080
	}
	return 540
}

// Stage is the stage "ladder" of a pipeline in YAML, that makes three layers of what the
// stage "cam" sends, of two thirds of a height and less, and passes that on as well.
func Stage(full int) string {
	var text strings.Builder
	text.WriteString(`
      ladder:
        use: transcode/video
        from: cam
        with:
          preset: ultrafast
          layers:
            - {name: source, source: true}
`)
	for i, bitrate := range []string{"1600k", "700k", "250k"} {
		height := full * []int{6, 4, 2}[i] / 9
		text.WriteString(fmt.Sprintf("            - {name: %s, height: %d, bitrate: %s}\n", Names[1+i], height, bitrate))
	}
	return text.String()
}

// Clip makes a clip for the source: 30 pictures a second of 4 Mbit/s, with key pictures
// each two seconds and that many B-frames between others, and AAC.
func Clip(t *testing.T, seconds, bframes int) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ladder.mp4")
	size := fmt.Sprintf("%dx%d", Height()*16/9, Height())
	out, err := exec.CommandContext(t.Context(), "nice", "ffmpeg", "-v", "error", "-nostdin",
		"-f", "lavfi", "-i", "testsrc2=size="+size+":rate=30", "-f", "lavfi", "-i", "sine=440:sample_rate=48000:beep_factor=4",
		"-t", strconv.Itoa(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-bf", strconv.Itoa(bframes), "-pix_fmt", "yuv420p",
		"-g", "60", "-sc_threshold", "0", "-b:v", "4M", "-maxrate", "4M", "-bufsize", "4M",
		"-c:a", "aac", "-b:a", "96k", name).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return name
}
