package record

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"weir/pipeline/bitstream"
	"weir/pipeline/bitstream/rtp"
	"weir/pipeline/media"
)

// VP9 that comes as packets, as from WHIP, is recorded, and ffprobe sees all of it; where
// its size changes, another initialisation section begins.
func TestVP9(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("no ffmpeg on this machine (scripts/setup.sh test)")
	}
	in := &media.Track{ID: "video", Codec: media.CodecVP9, Form: media.FormRTP, Rate: media.VideoRate, Layers: []media.Layer{{}}}
	out, err := rtp.NewPacketizer(in, 0, rtp.DefaultMTU)
	if err != nil {
		t.Fatal(err)
	}
	back, err := rtp.NewDepacketizer(in, 0, bitstream.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var items []media.Item
	var params *bitstream.Params
	var track *media.Track
	at := media.Ticks(0)
	for _, size := range []string{"320x180", "256x144"} {
		for i, frame := range encodeVP9(t, size) {
			u := &media.Unit{Track: in, PTS: at, DTS: at, Flags: media.FrameEnd, Access: [][]byte{frame}}
			if i%15 == 0 {
				u.Flags |= media.Key
			}
			at += 6000
			var frames []rtp.Frame
			for _, p := range out.Packetize(nil, u) {
				if frames, err = back.Push(frames, p); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range frames {
				if f.Params != params {
					params, track = f.Params, f.Params.Track("video")
					items = append(items, &media.TrackSet{Tracks: []*media.Track{track}})
				}
				got := f.Unit
				got.Track = track
				items = append(items, &got)
			}
		}
	}
	ms, dirs := record(t, func(*Config) {}, items...)
	if len(ms) != 1 || len(ms[0].Inits) != 2 {
		t.Fatalf("%d recordings: %+v", len(ms), ms)
	}
	if got := ms[0].Inits[0]; len(got.Codecs) != 1 || got.Codecs[0] != "vp09.00.20.08" || got.Tracks[0].Width != 320 {
		t.Errorf("%+v", got)
	}
	list := filepath.Join(dirs[0], "media", "index.m3u8")
	for _, c := range []struct{ entries, want string }{
		{"stream=codec_name,width,height", "vp9,320,180"},
		{"stream=nb_read_frames", "60"},
	} {
		text, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-allowed_extensions", "ALL", "-extension_picky", "0",
			"-count_frames", "-select_streams", "v:0", "-show_entries", c.entries, "-of", "csv=p=0", list).CombinedOutput()
		if got, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n"); err != nil || got != c.want {
			t.Errorf("%s: %s, %v", c.entries, text, err)
		}
	}
}

// encodeVP9 is the frames of two seconds, of which every fifteenth is a key frame.
func encodeVP9(t *testing.T, size string) (frames [][]byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clip.ivf")
	words := "-v error -nostdin -threads 1 -f lavfi -i testsrc2=rate=15:duration=2:size=" + size +
		" -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 300k -g 15 -keyint_min 15 -lag-in-frames 0 -auto-alt-ref 0 " + file
	if text, err := exec.CommandContext(t.Context(), "ffmpeg", strings.Fields(words)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for b = b[32:]; len(b) > 12; { // a header, and one before each frame
		n := 12 + int(binary.LittleEndian.Uint32(b))
		frames, b = append(frames, b[12:n]), b[n:]
	}
	return frames
}
