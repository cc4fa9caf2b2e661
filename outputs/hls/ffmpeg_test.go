package hls

import (
	"encoding/json"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"testing"

	"weir/pipeline/media"
	"weir/test/machine"
)

// probed is what ffprobe says of one packet.
type probed struct {
	Type     string `json:"codec_type"`
	PTS      string `json:"pts_time"`
	DTS      string `json:"dts_time"`
	Duration string `json:"duration_time"`
	Flags    string `json:"flags"`
}

// probe reads a whole stream with ffprobe.
func probe(t *testing.T, url string) []probed {
	t.Helper()
	path, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Skip("ffprobe is not installed")
	}
	cmd := exec.CommandContext(t.Context(), path, "-v", "warning", "-live_start_index", "0",
		"-show_packets", "-of", "json", url)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var doc struct{ Packets []probed }
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Packets
}

// ffprobe finds every frame of every clip once, in step, and no others.
func TestFFprobeFindsEveryFrame(t *testing.T) {
	machine.Long(t)
	for _, name := range clips() {
		t.Run(name, func(t *testing.T) { probeClip(t, name, containerFMP4) })
	}
	for _, name := range []string{"h264-aac.mp4", "h264-bframes-aac.mp4", "h265-aac.mp4", "h264-opus.mp4", "audio-only.mp4"} {
		t.Run("mpegts "+name, func(t *testing.T) { probeClip(t, name, containerMPEGTS) })
	}
}

func probeClip(t *testing.T, name, container string) {
	t.Helper()
	s := newStudio(t, func(c *Config) { c.Segments, c.Container = 20, container })
	srv := httptest.NewServer(s.site)
	defer srv.Close()
	set, units := clip(t, name)
	items := loop(set, units, 3)
	s.feed(items)
	s.end()

	sent := map[string]int{}
	for _, item := range items[1:] {
		sent[item.(*media.Unit).Kind().String()]++
	}
	got := map[string]int{}
	last := map[string]float64{}
	for _, p := range probe(t, srv.URL+"/"+testPath+"/index.m3u8") {
		got[p.Type]++
		dts, err := strconv.ParseFloat(p.DTS, 64)
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := last[p.Type]; ok && dts <= before {
			t.Errorf("%s: DTS %v after %v", p.Type, dts, before)
		}
		last[p.Type] = dts
	}
	for kind, n := range sent {
		// Audio from before the first picture is not there.
		missing := n - got[kind]
		if kind == media.KindVideo.String() && missing != 0 || missing < 0 || missing > 4 {
			t.Errorf("%d of %d units of %s", got[kind], n, kind)
		}
	}
}

// clips are the MP4 files of testdata/media.
func clips() []string {
	return []string{
		"h264-aac.mp4", "h264-bframes-aac.mp4", "h264-opus.mp4", "h265-aac.mp4", "av1-opus.mp4",
		"audio-only.mp4", "video-only.mp4",
	}
}
