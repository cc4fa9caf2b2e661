//go:build e2e

package e2e

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"weir/transcode/testcard"
)

const cards = `
  test/card:
    when: always
    stages:
      card: {use: ingest/test, with: {width: 640, height: 360, fps: 30, audio: aac}}
      ladder: {use: transcode/video, from: card, with: {layers: [{name: sd, height: 270, bitrate: 600k}]}}
      hls: {use: outputs/hls, from: ladder}
`

// What a player of the test card is given for a while.
const (
	cardWidth, cardHeight = 480, 270
	cardFPS               = 30
	cardRate              = 48000
	cardSeconds           = 8
)

// Behind a ladder and HLS no picture of a test card is missing, and each click comes
// with the picture of the full second.
func TestCard(t *testing.T) {
	cores.Take(t, 0.6)
	if _, err := os.Stat("../../bin/weir-av"); err != nil {
		t.Skip("bin/weir-av is not built (make libav)")
	}
	w := startWith(t, cards)
	playlist := "http://" + w.http + "/test/card/index.m3u8"
	eventually(t, 30*time.Second, "there is a playlist", func() bool {
		return exec.CommandContext(t.Context(), "ffprobe", "-v", "error", playlist).Run() == nil
	})
	pictures, sound := play(t, playlist)
	first, at := -1, 0 // the number of the first picture, and where it stands
	const size = cardWidth * cardHeight
	for i := range len(pictures) / size {
		luma := pictures[i*size : (i+1)*size]
		n, ok := testcard.Read(cardWidth, cardHeight, func(x, y int) uint8 { return luma[y*cardWidth+x] })
		switch {
		case !ok:
			t.Fatalf("picture %d has no number", i)
		case first < 0 || int(n) == first: // the first fills the time before it
			first, at = int(n), i
		case int(n)-first != i-at:
			t.Fatalf("picture %d is number %d, and %d was number %d", i, n, at, first)
		}
	}
	if first < 0 || len(pictures) < cardSeconds*cardFPS*size*3/4 {
		t.Fatalf("%d pictures", len(pictures)/size)
	}
	heard := clicks(sound)
	if len(heard) < cardSeconds-2 {
		t.Errorf("%d clicks", len(heard))
	}
	for _, click := range heard {
		shown := float64(first-at)/cardFPS + click.Seconds() // since the epoch
		if off := shown - math.Round(shown); math.Abs(off) > 0.040 {
			t.Errorf("the click at %v is %.0f ms from its picture", click, off*1000)
		}
	}
}

// play plays from a playlist: the brightness of each picture, and the sound. Both begin
// at the same time, with pictures and silence to fill it.
func play(t *testing.T, playlist string) (pictures []byte, sound []float32) {
	t.Helper()
	dir := t.TempDir()
	gray, pcm := filepath.Join(dir, "gray"), filepath.Join(dir, "pcm")
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-i", playlist,
		"-map", "0:v:0", "-t", "8", "-fps_mode", "cfr", "-r", "30", "-pix_fmt", "gray", "-f", "rawvideo", gray,
		"-map", "0:a:0", "-t", "8", "-af", "aresample=48000:async=1:first_pts=0", "-ac", "1", "-f", "f32le", pcm)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, log.String())
	}
	pictures, err := os.ReadFile(gray)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(pcm)
	if err != nil {
		t.Fatal(err)
	}
	for ; len(b) >= 4; b = b[4:] {
		sound = append(sound, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return pictures, sound
}

// clicks are when it gets loud.
func clicks(sound []float32) (at []time.Duration) {
	quiet := -cardRate
	for i, v := range sound {
		if math.Abs(float64(v)) < 0.4 {
			continue
		}
		if i-quiet > cardRate/10 {
			at = append(at, time.Duration(i)*time.Second/cardRate)
		}
		quiet = i
	}
	return at
}
