package rtp

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"weir/pipeline/media"
	"weir/pipeline/timeline"
)

// What ffmpeg sends becomes all the pictures that it encoded, with the flags and
// times that they have, and survives another trip in our own packets.
func TestFFmpeg(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("no ffmpeg")
	}
	const video = "-f lavfi -readrate 4 -i testsrc2=size=320x180:rate=30 -frames:v 40 -g 10 "
	const clips = "../../../testdata/media/"
	for _, c := range []struct {
		name, args  string
		codec       media.Codec
		units, keys int
	}{
		{"x264", video + "-c:v libx264 -preset ultrafast -tune zerolatency -b:v 2M", media.CodecH264, 40, 4},
		{"x264 with B-frames", "-readrate 10 -i " + clips + "h264-bframes-aac.mp4 -map 0:v -c copy -bsf:v h264_mp4toannexb", media.CodecH264, 180, 6},
		{"x265", "-readrate 10 -i " + clips + "h265-aac.mp4 -map 0:v -c copy -bsf:v hevc_mp4toannexb", media.CodecH265, 180, 6},
		{"VP8", video + "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 2M", media.CodecVP8, 40, 4},
		{"VP9", video + "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 2M -strict experimental", media.CodecVP9, 40, 4},
		{"Opus", "-f lavfi -readrate 4 -i sine=frequency=440:sample_rate=48000:duration=1 -ac 2 -c:a libopus", media.CodecOpus, 51, 51},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tr := &media.Track{ID: "a", Codec: c.codec, Form: media.FormRTP, Rate: media.VideoRate, Layers: []media.Layer{{}}}
			packets := receive(t, c.codec, strings.Fields(c.args))
			frames := depacketize(t, tr, packets...)
			var keys int
			var last media.Ticks
			for i, f := range frames {
				u := &f.Unit
				if u.Flags.Has(media.Key) {
					keys++
				}
				if u.Flags.Has(media.Gap) || u.DTS > u.PTS || i > 0 && u.DTS <= last {
					t.Fatalf("frame %d: %v, DTS %d behind %d, PTS %d", i, u.Flags, u.DTS, last, u.PTS)
				}
				last = u.DTS
			}
			if len(frames) != c.units || keys != c.keys {
				t.Fatalf("%d units, %d keys; want %d, %d", len(frames), keys, c.units, c.keys)
			}
			if p := frames[0].Params; c.codec.Kind() == media.KindVideo && (p.Width != 320 || p.Height != 180) {
				t.Errorf("%dx%d", p.Width, p.Height)
			}
			checkInspected(t, c.codec, packets, c.keys)
			again(t, frames)
		})
	}
}

// checkInspected counts what an inspector sees in packets.
func checkInspected(t *testing.T, c media.Codec, packets []*media.Unit, want int) {
	t.Helper()
	i, keys := NewInspector(c), 0
	for n, p := range packets {
		f := i.Flags(p.RTP)
		if f.Has(media.Gap) {
			t.Errorf("packet %d: a gap", n)
		}
		if f.Has(media.Key) {
			keys++
		}
	}
	if keys != want {
		t.Errorf("%d keys in packets, want %d", keys, want)
	}
}

// again leads frames through our own packets.
func again(t *testing.T, frames []Frame) {
	t.Helper()
	out := frames[0].Params.Track("a")
	out.Form = media.FormRTP
	var us []*media.Unit
	for i := range frames {
		u := frames[i].Unit
		u.Track = out
		us = append(us, &u)
	}
	second := depacketize(t, out, packetize(t, out, 1000, us...)...)
	if len(second) != len(frames) {
		t.Fatalf("%d frames, the second time %d", len(frames), len(second))
	}
	for i, f := range second {
		if !sameAccess(f.Unit.Access, us[i].Access) || f.Unit.DTS != us[i].DTS || f.Unit.Flags != us[i].Flags {
			t.Fatalf("frame %d: %v at %d, the first time %v at %d", i, f.Unit.Flags, f.Unit.DTS, us[i].Flags, us[i].DTS)
		}
		if want := frames[i].Params.Config; !bytes.Equal(f.Params.Config, want) {
			t.Fatalf("frame %d: configuration %x, want %x", i, f.Params.Config, want)
		}
	}
}

// receive is what ffmpeg sends, in order.
func receive(t *testing.T, c media.Codec, args []string) []*media.Unit {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	// Some payloads are larger than ours, since ffmpeg counts the headers.
	url := fmt.Sprintf("rtp://%s?pkt_size=1200", conn.LocalAddr())
	cmd := exec.CommandContext(ctx, "ffmpeg", append(append([]string{"-v", "error", "-nostdin", "-threads", "1"}, args...), "-f", "rtp", url)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Only an end of waiting tells the reader that all has been sent.
		_ = cmd.Wait()
		_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	}()
	reorder := NewReorder(DefaultReorderPackets, time.Second)
	clock := timeline.NewUnwrapper(32)
	var out []*media.Unit
	buf := make([]byte, 2000)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			break
		}
		var p rtp.Packet
		if err := p.Unmarshal(bytes.Clone(buf[:n])); err != nil {
			t.Fatal(err)
		}
		out = reorder.Push(out, &media.Unit{
			PTS: media.Ticks(clock.Unwrap(uint64(p.Timestamp))), Arrived: time.Now(),
			RTP: &media.RTP{
				PayloadType: p.PayloadType, Marker: p.Marker, Sequence: p.SequenceNumber,
				Timestamp: p.Timestamp, SSRC: p.SSRC, Payload: p.Payload,
			},
		})
	}
	<-ended
	if stderr.Len() > 0 {
		t.Fatalf("ffmpeg: %s", &stderr)
	}
	if out = reorder.Flush(out); len(out) == 0 {
		t.Fatal("nothing was received")
	}
	return out
}
