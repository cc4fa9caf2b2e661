package load

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os/exec"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/pipeline/bitstream"
	"weir/pipeline/bitstream/flv"
	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A server must find in the stream what the constants say: half a second of it
// here, of two publishers.
func TestPublishersSendWhatTheySay(t *testing.T) {
	for _, chunkSize := range []int{128, 4096} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan result, 2)
		server := rtmpd.NewServer(rtmpd.Config{Handler: func(_ context.Context, p *rtmpd.Publisher) error {
			go func() {
				got <- receive(p, 15)
				for { // whoever stops first would end the other one
					if _, err := p.Recv(context.Background()); err != nil {
						return
					}
				}
			}()
			return nil
		}})
		ended := make(chan error, 2)
		go func() { ended <- server.Serve(ctx, ln) }()
		publishing, stop := context.WithCancel(ctx)
		live := make(chan struct{})
		go func() {
			_, err := Publishers{"rtmp://" + ln.Addr().String() + "/live/load*", 2, chunkSize, AAC}.Run(publishing, func() { close(live) })
			ended <- err
		}()
		<-live
		for range 2 {
			r := <-got
			if r.err != nil {
				t.Fatal(r.err)
			}
			if r.keys != 1 || r.video != 15 || r.bytes != keyBytes+14*interBytes || r.audio < 21 || r.audio > 24 || r.last != 500 {
				t.Errorf("chunks of %d: got %+v", chunkSize, r)
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

type result struct {
	keys, video, audio, bytes int
	last                      uint32 // timestamp of the last frame in ms
	err                       error
}

// receive takes some frames and the audio between them.
func receive(p *rtmpd.Publisher, frames int) result {
	var r result
	d := flv.NewDemuxer(bitstream.DefaultLimits())
	for r.video < frames {
		m, err := p.Recv(context.Background())
		if err != nil {
			r.err = err
			return r
		}
		got, err := d.Demux(flv.Tag{Type: flv.Type(m.Type), Timestamp: m.Timestamp, Payload: m.Payload})
		if err != nil {
			r.err = err
			return r
		}
		switch u := got.Unit; {
		case u.Track == nil:
		case u.Track.Codec == media.CodecAAC:
			r.audio++
		default:
			r.video++
			r.last = u.DTS
			if u.Flags.Has(media.Key) {
				r.keys++
			}
			for _, n := range u.Access {
				r.bytes += len(n)
			}
		}
	}
	return r
}

func TestBytesRepeat(t *testing.T) {
	w, err := newWire(4096, AAC)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(w.messages); n != videoPerTurn+audioPerTurn {
		t.Errorf("%d messages, want %d", n, videoPerTurn+audioPerTurn)
	}
	if Bitrate < 2_600_000 || Bitrate > 2_700_000 {
		t.Errorf("%d bit/s", Bitrate)
	}
	sum := map[byte]time.Duration{}
	for _, m := range w.messages {
		delta := uint32(m.bytes[1])<<16 | uint32(m.bytes[2])<<8 | uint32(m.bytes[3])
		sum[m.bytes[0]&63] += time.Duration(delta) * time.Millisecond
	}
	if sum[videoChunks] != turn || sum[audioChunks] != turn {
		t.Errorf("a turn's timestamps add up to %v, want %v each", sum, turn)
	}
}

func TestSounds(t *testing.T) {
	for sound, blocks := range map[Sound]int{"": audioPerTurn, AAC: audioPerTurn, Opus: opusSound().perTurn(), Silent: 0} {
		w, err := newWire(4096, sound)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(w.messages) - videoPerTurn; n != blocks {
			t.Errorf("%q: %d blocks of sound, want %d", sound, n, blocks)
		}
	}
	if _, err := newWire(4096, "mp3"); err == nil {
		t.Error("there is no such sound")
	}
}

// A converter decodes the AAC, so it has to be sound.
func TestSilenceDecodes(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	track, err := track(media.CodecAAC, audioConfig, flv.AudioID)
	if err != nil {
		t.Fatal(err)
	}
	block := aacSound().block(track, nil)
	const adts = 7
	size := adts + len(block)
	// ISO 13818-7 section 6.2: AAC-LC, 48 kHz, two channels.
	header := []byte{0xff, 0xf1, 0x4c, 0x80 | byte(size>>11), byte(size >> 3), byte(size<<5) | 0x1f, 0xfc}
	const blocks = 50
	cmd := exec.CommandContext(t.Context(), ffmpeg, "-v", "error", "-xerror", "-f", "aac", "-i", "-", "-f", "s16le", "-")
	cmd.Stdin = bytes.NewReader(bytes.Repeat(append(header, block...), blocks))
	var said bytes.Buffer
	cmd.Stderr = &said
	samples, err := cmd.Output()
	if err != nil || said.Len() > 0 {
		t.Fatalf("%v: %s", err, said.Bytes())
	}
	if n := len(samples) / 4; n < (blocks-2)*audioFrame || len(bytes.Trim(samples, "\x00")) > 0 {
		t.Errorf("%d samples, or not silence", n)
	}
}

func TestEdge(t *testing.T) {
	for _, c := range []struct {
		name, playlist, next string
		parts                int
	}{
		{
			"within a segment", "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2,\na.m4s\n#EXT-X-PART:DURATION=0.2,URI=\"p1.m4s\"\n" +
				"#EXT-X-PART:DURATION=0.2,URI=\"p2.m4s\"\n", "?_HLS_msn=8&_HLS_part=2&_HLS_skip=YES", 2,
		},
		{
			"behind one", "#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-PART:DURATION=0.2,URI=\"p1.m4s\"\n#EXTINF:2,\na.m4s\n",
			"?_HLS_msn=8&_HLS_part=0&_HLS_skip=YES", 1,
		},
		{
			"delta", "#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-SKIP:SKIPPED-SEGMENTS=5\n#EXTINF:2,\na.m4s\n#EXT-X-PART:DURATION=0.2,URI=\"p1.m4s\"\n",
			"?_HLS_msn=13&_HLS_part=1&_HLS_skip=YES", 1,
		},
	} {
		e, err := parseEdge(c.playlist)
		if err != nil || e.next != c.next || len(e.parts) != c.parts {
			t.Errorf("%s: %+v, %v; want %s and %d parts", c.name, e, err, c.next, c.parts)
		}
	}
	for _, bad := range []string{"", "#EXT-X-ENDLIST\n", "#EXT-X-MEDIA-SEQUENCE:x\n"} {
		if e, err := parseEdge(bad); err == nil {
			t.Errorf("%q: %+v", bad, e)
		}
	}
}

func TestGet(t *testing.T) {
	answer, ask := net.Pipe()
	go func() {
		defer answer.Close()
		_, _ = answer.Read(make([]byte, 4096))
		_, _ = io.WriteString(answer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
		_, _ = answer.Read(make([]byte, 4096))
		_, _ = io.WriteString(answer, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone")
		_, _ = answer.Read(make([]byte, 4096))
	}()
	c := newClient(ask, "h", "1")
	if b, err := c.get("/a"); err != nil || string(b.bytes) != "hello" {
		t.Errorf("%q, %v", b.bytes, err)
	}
	if _, err := c.get("/b"); err == nil || err.Error() != "get /b: HTTP/1.1 404 Not Found: gone" {
		t.Error(err)
	}
	if _, err := c.get("/c"); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	c.close()
}
