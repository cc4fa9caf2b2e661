//go:build e2e

package faults

import (
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// overlaid has a picture and a text over a ladder: the picture in the lower right corner,
// the text on blue in a corner at the left.
func overlaid(t *testing.T, files, y string) string {
	t.Helper()
	return listeners + transcoding(t, 8) + `
  files: "` + files + `"
pipelines:
  live/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `"}}
      ladder:
        use: transcode/video
        from: cam
        with:
          preset: ultrafast
          keyframe_every: 500ms
          layers: [{name: sd, width: 320, height: 180, bitrate: 1M}]
          title: WMWM
          overlays:
            - {picture: sign.png, x: 100, y: 100, width: 25}
            - {text: "{title}", x: 0, y: ` + y + `, size: 25, bold: true, background: "#0000ff"}
      hls: {use: outputs/hls, from: ladder, with: {segment: 500ms, part: 100ms}}
`
}

// still is the newest picture of a stream.
func (s *server) still(t *testing.T, path string) *image.NRGBA {
	t.Helper()
	name := filepath.Join(t.TempDir(), "still.png")
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-y", "-i", "http://"+s.http+"/"+path+"/index.m3u8",
		"-map", "0:v:0", "-frames:v", "1", name).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	all := image.NewNRGBA(p.Bounds())
	draw.Draw(all, all.Rect, p, p.Bounds().Min, draw.Src)
	return all
}

// share is what part of a piece of a picture is of about that colour.
func share(p *image.NRGBA, of image.Rectangle, want color.NRGBA) float64 {
	near := func(a, b uint8) bool { return max(a, b)-min(a, b) < 70 }
	n := 0
	for y := of.Min.Y; y < of.Max.Y; y++ {
		for x := of.Min.X; x < of.Max.X; x++ {
			if c := p.NRGBAAt(x, y); near(c.R, want.R) && near(c.G, want.G) && near(c.B, want.B) {
				n++
			}
		}
	}
	return float64(n) / float64(of.Dx()*of.Dy())
}

// Overlays that a file declares are in the pictures that players decode, where it says,
// and go elsewhere with the file while the stream goes on.
func TestOverlaysInPictures(t *testing.T) {
	cores.Take(t, 0.4)
	var (
		black = color.NRGBA{A: 255}
		white = color.NRGBA{255, 255, 255, 255}
		red   = color.NRGBA{255, 0, 0, 255}
		blue  = color.NRGBA{0, 0, 255, 255}
	)
	files := t.TempDir()
	f, err := os.Create(filepath.Join(files, "sign.png"))
	if err != nil {
		t.Fatal(err)
	}
	sign := image.NewNRGBA(image.Rect(0, 0, 40, 20))
	draw.Draw(sign, sign.Rect, image.NewUniform(red), image.Point{}, draw.Src)
	if err := png.Encode(f, sign); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s := start(t, overlaid(t, files, "0"))
	const path = "live/studio"
	s.camera(t, path, "black", "320x180", "30")
	s.await(t, path, 1)
	// The sign is 80 of 320 pixels wide and 40 high. A line of text is at least a quarter
	// of 180 high; its letters stand close.
	corner := image.Rect(244, 144, 316, 176)
	top, bottom := image.Rect(4, 4, 100, 44), image.Rect(4, 136, 100, 176)
	middle := image.Rect(100, 82, 240, 98)
	shows := func(p *image.NRGBA, text, none image.Rectangle) bool {
		return share(p, corner, red) > 0.95 && share(p, middle, black) > 0.98 && share(p, none, black) > 0.98 &&
			share(p, text, white) > 0.15 && share(p, text, blue) > 0.15 && share(p, text, black) < 0.1
	}
	awaits := func(what string, text, none image.Rectangle) {
		t.Helper()
		var p *image.NRGBA
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
			if p = s.still(t, path); shows(p, text, none) {
				figure(t, "overlay", "%s: sign red=%.2f text white=%.2f blue=%.2f", what, share(p, corner, red), share(p, text, white), share(p, text, blue))
				return
			}
		}
		t.Errorf("%s: sign red=%.2f, text white=%.2f blue=%.2f, elsewhere black=%.2f and %.2f", what, share(p, corner, red),
			share(p, text, white), share(p, text, blue), share(p, middle, black), share(p, none, black))
	}
	awaits("as declared", top, bottom)
	before := s.workers(path)["ladder"]
	s.configure(overlaid(t, files, "100"))
	s.reload(applied)
	awaits("moved", bottom, top)
	if after := s.workers(path)["ladder"]; before.PID == 0 || after.PID != before.PID {
		t.Errorf("another worker: %+v became %+v", before, after)
	}
}
