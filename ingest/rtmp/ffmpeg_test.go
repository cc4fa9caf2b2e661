package rtmp

import (
	"context"
	"net"
	"os/exec"
	"sync"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/service/rtmpd"
	"weir/test/machine"
)

// TestFFmpeg publishes clips with the ffmpeg of the machine, as fast as it can.
func TestFFmpeg(t *testing.T) {
	machine.Long(t)
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("there is no ffmpeg")
	}
	for clip, want := range map[string]string{
		"h264-aac.mp4":         "[H.264 AAC] 180 video 283 audio",
		"h264-bframes-aac.mp4": "[H.264 AAC] 180 video 283 audio",
		"video-only.mp4":       "[H.264] 180 video",
		"audio-only.mp4":       "[AAC] 283 audio",
		"h264-aac.flv":         "[H.264 AAC] 180 video 283 audio",
	} {
		t.Run(clip, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			c := open()
			c.Grace = 0
			s := newStudio(ctx, t, pipeline.Demanded, c)
			server := rtmpd.NewServer(rtmpd.Config{Handler: Handler(s.door, access.Keys{})})
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var serving sync.WaitGroup
			serving.Go(func() { _ = server.Serve(ctx, ln) })
			t.Cleanup(func() {
				cancel()
				serving.Wait()
				<-s.ended
			})
			limited, stop := context.WithTimeout(ctx, 30*time.Second)
			defer stop()
			out, err := exec.CommandContext(limited, ffmpeg, "-nostdin", "-loglevel", "warning",
				"-i", "../../testdata/media/"+clip, "-c", "copy", "-f", "flv",
				"rtmp://"+ln.Addr().String()+"/live/studio?key=correct%20horse%20battery%20staple").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			await(t, "the publisher's end", func() bool { return s.status().State == "waiting" && s.status().Sessions == 1 })
			// The sink reads on while the publisher has gone already.
			got := ""
			defer func() { t.Logf("got %s, want %s\n%s", got, want, out) }()
			await(t, "all units", func() bool { got = s.check(); return got == want })
		})
	}
}
