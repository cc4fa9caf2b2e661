//go:build e2e

package faults

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/cmd/load/peer"
	"weir/pipeline/bitstream"
	"weir/pipeline/bitstream/rtp"
	"weir/pipeline/media"
	"weir/test/nginx"
)

// secure is a second server, that takes RTMPS with a certificate of a CA of the test's.
const secure = `
server:
  http: {listen: "127.0.0.1:0"}
  rtmp: {listen: "127.0.0.1:0"}
  rtmps: {listen: "127.0.0.1:0"}
  tls: {cert: "{dir}/server.pem", key: "{dir}/server.key"}
  log: {format: json}
pipelines:
  short/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 1s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true, segments: 20}}
`

// restreaming sends one stream to nginx, to another Weir and to viewers of both kinds.
const restreaming = webrtc + pushedHere + `
      whep: {use: outputs/whep, from: cam}
      nginx: {use: outputs/rtmp, from: cam, with: {url: "rtmp://{nginx}/` + nginx.App + `", key: "copy"}}
      push: {use: outputs/rtmp, from: cam, with: {url: "rtmps://localhost:{port}/short/copy", key: "copy?key=` + key + `"}}
`

// One ffmpeg publishes to a Weir that restreams to nginx-rtmp, to a second Weir over
// RTMPS, and to a viewer by WebRTC: each gets every frame, at the same times.
func TestRestreamEverywhere(t *testing.T) {
	cores.Take(t, 0.2)
	times := 2 // 12 s
	if soak() {
		times = 100
	}
	dir := certificates(t)
	other := nginx.Start(t)
	far := start(t, strings.ReplaceAll(secure, "{dir}", dir))
	_, port, err := net.SplitHostPort(far.rtmps)
	if err != nil {
		t.Fatal(err)
	}
	near := startLimited(t, strings.NewReplacer("{nginx}", other.Address, "{port}", port, "/short/copy", "/short").Replace(restreaming),
		`export SSL_CERT_FILE="`+dir+`/ca.pem"`)
	clip := clips + "h264-aac.mp4"
	sent := played(t, clip, times)
	published := near.encodeFile(t, "short/studio", clip, times)
	here, there := near.watch(t, "short/studio"), far.watch(t, "short/copy")
	ear := near.listen(t, "short/studio")
	published()
	for _, v := range []*viewer{here, there} {
		v.end(20 * time.Second)
	}
	flv := filepath.Join(other.Dir, "copy.flv")
	var kept []packet
	eventually(t, 20*time.Second, "nginx has written all", func() bool { kept = probed(t, flv); return len(kept) >= len(sent)-sounds })
	for _, c := range []struct {
		what  string
		got   []packet
		whole bool
	}{
		{"here-hls", here.packets(), true}, {"weir-rtmps-hls", there.packets(), true}, {"nginx-flv", kept, true}, {"whep", ear.stop(), false},
	} {
		sameEverywhere(t, c.what, sent, c.got, c.whole)
	}
	// Its playlist has no end, for which ffprobe would wait.
	pieces, _ := filepath.Glob(filepath.Join(other.Dir, "copy-*.ts"))
	if lines := near.log.lines("copy?key"); len(lines) > 0 {
		t.Errorf("the key is in the log: %s", lines[0])
	}
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-count_packets", "-select_streams", "v", "-show_entries", "stream=nb_read_packets",
		"-of", "csv=p=0", "concat:"+strings.Join(pieces, "|")).CombinedOutput()
	if n, _, _ := strings.Cut(string(out), "\n"); err != nil || n != fmt.Sprint(len(only(sent, media.KindVideo))) {
		t.Errorf("nginx's HLS has %q pictures: %v", n, err)
	}
}

// sounds are what may come before the first picture, with which a push begins.
const sounds = 2

func only(all []packet, kind media.Kind) (some []packet) {
	for _, p := range all {
		if p.kind == kind {
			some = append(some, p)
		}
	}
	return some
}

// sameEverywhere wants that no frame is missing, from the first one on that came, and
// that all are apart as they were when they were sent.
func sameEverywhere(t *testing.T, what string, sent, got []packet, whole bool) {
	t.Helper()
	var all []shift
	for _, kind := range []media.Kind{media.KindVideo, media.KindAudio} {
		s, g := only(sent, kind), only(got, kind)
		if !whole && len(g) == 0 && kind == media.KindAudio {
			continue // not converted
		}
		c := comparison{sent: len(s), got: len(g)}
		all = append(all, c.match(s, g)...)
		if c.got < c.sent/2 || c.lost > 0 || c.alien > 0 || c.tail > 0 || whole && (kind == media.KindVideo && c.head > 0 || c.head > sounds) {
			t.Errorf("%s: %v: %+v", what, kind, c)
		}
		figure(t, "restream", "output=%s kind=%v sent=%d got=%d before_first=%d lost=%d", what, kind, c.sent, c.got, c.head, c.lost)
	}
	if len(all) == 0 {
		t.Errorf("%s: nothing came", what)
		return
	}
	least, most := all[0].by, all[0].by
	for _, s := range all {
		least, most = min(least, s.by), max(most, s.by)
	}
	// RTMP has milliseconds: the publisher rounds, at each turn of the clip too, and so
	// does whoever is behind.
	if most-least > 4*time.Millisecond {
		t.Errorf("%s: frames are up to %v apart of what they were", what, most-least)
	}
	figure(t, "restream", "output=%s spread=%v", what, most-least)
}

// probed are the frames of a file that is perhaps being written.
func probed(t *testing.T, file string) []packet {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-i", file, "-map", "0", "-c", "copy", "-copyts", "-f", "framehash", "-hash", "md5", "-").Output()
	if err != nil {
		return nil // not there yet
	}
	return frameHashes(t, out)
}

// ear is a viewer by WebRTC who puts the pictures together again.
type ear struct {
	cancel context.CancelFunc
	done   chan struct{}
	got    []packet
}

// listen watches as soon as the stream is there.
func (s *server) listen(t *testing.T, path string) *ear {
	t.Helper()
	d, err := peer.NewDialer()
	if err != nil {
		t.Fatal(err)
	}
	d.ReceiveBuffer = 1 << 20
	var session *peer.Session
	eventually(t, 20*time.Second, "a viewer is let in", func() bool {
		session, err = d.Dial(t.Context(), s.url()+"/"+path+"/whep", peer.Receive)
		return err == nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	e := &ear{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(e.done)
		defer d.Close()
		defer session.Leave(context.WithoutCancel(ctx))
		if err := e.hear(ctx, session); err != nil {
			t.Errorf("the viewer by WebRTC: %v", err)
		}
	}()
	t.Cleanup(func() { e.stop() })
	return e
}

// stop is what came.
func (e *ear) stop() []packet {
	e.cancel()
	<-e.done
	return e.got
}

func (e *ear) hear(ctx context.Context, s *peer.Session) error {
	put, err := rtp.NewDepacketizer(&media.Track{ID: "video", Codec: media.CodecH264, Form: media.FormRTP, Rate: media.VideoRate, Layers: []media.Layer{{}}}, 0, bitstream.Limits{})
	if err != nil {
		return err
	}
	var consent time.Time
	var clock media.Ticks // of the last packet, without wraps
	b := make([]byte, 2048)
	for ctx.Err() == nil {
		now := time.Now()
		if now.Sub(consent) > time.Second {
			consent = now
			if err := s.Consent(); err != nil {
				return err
			}
		}
		_ = s.Conn.SetReadDeadline(now.Add(100 * time.Millisecond))
		n, err := s.Conn.Read(b)
		if err != nil || n < 12 || b[0]>>6 != 2 || b[1]&0x7f != peer.VideoType {
			continue
		}
		plain, err := s.In.DecryptRTP(nil, b[:n], nil)
		if err != nil {
			return err
		}
		head := 12 + 4*int(plain[0]&0xf)
		if plain[0]&0x10 != 0 {
			head += 4 + 4*int(binary.BigEndian.Uint16(plain[head+2:]))
		}
		r := &media.RTP{
			Marker: plain[1]&0x80 != 0, Sequence: binary.BigEndian.Uint16(plain[2:]), Timestamp: binary.BigEndian.Uint32(plain[4:]),
			SSRC: binary.BigEndian.Uint32(plain[8:]), Payload: plain[head:],
		}
		clock += media.Ticks(int32(r.Timestamp - uint32(clock)))
		frames, err := put.Push(nil, &media.Unit{PTS: clock, DTS: clock, Arrived: now, RTP: r})
		if err != nil && len(e.got) > 0 {
			return err
		} // else the first packets came before the handshake was over at this end
		for _, f := range frames {
			joined, err := bitstream.Append(nil, media.CodecH264, f.Unit.Access)
			if err != nil {
				return err
			}
			e.got = append(e.got, packet{kind: media.KindVideo, pts: media.VideoRate.Duration(f.Unit.PTS), hash: hashOf(joined)})
		}
	}
	return nil
}
