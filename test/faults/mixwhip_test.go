//go:build e2e

package faults

import (
	"context"
	"encoding/binary"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"weir/cmd/load/peer"
	"weir/pipeline/bitstream/rtp"
	"weir/pipeline/media"
)

// mixedBoth is a programme of a publisher by WHIP and one by RTMP.
const mixedBoth = `
pipelines:
  live/{name}:
    stages:
      guest: {use: ingest/whip, with: {key: "` + key + `"}}
      host: {use: ingest/rtmp, with: {key: "` + key + `", at: host}}
      mix:
        use: transcode/mixer
        from: [guest, host]
        with:
          size: 640x360
          fps: 25
          layout: grid
          preset: ultrafast
          keyframe_every: 1s
          layers: [{name: hd, bitrate: 800k}]
      hls: {use: outputs/hls, from: mix, with: {low_latency: true, segments: 20}}
      watch: {use: outputs/whep, from: mix}
`

// guest publishes a clip of H.264 and Opus by WHIP, again and again, until it is stopped.
func (s *server) guest(t *testing.T, path, clip string) (stop func()) {
	t.Helper()
	all := loaded(t, clip, 20)
	d, err := peer.NewDialer()
	if err != nil {
		t.Fatal(err)
	}
	d.Bearer = key
	session, err := d.Dial(t.Context(), "http://"+s.http+"/"+path+"/whip", peer.Send)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		mouths := make(map[media.Kind]*mouth)
		pace := time.NewTimer(0)
		defer pace.Stop()
		for began, at := time.Now(), 0; at < len(all); at++ {
			pace.Reset(time.Until(began.Add(all[at].dts)))
			select {
			case <-pace.C:
			case <-ctx.Done():
				return
			}
			p := all[at]
			if mouths[p.kind] == nil {
				mouths[p.kind] = newMouth(t, session, p.track)
			}
			if err := mouths[p.kind].say(session, p); err != nil {
				t.Errorf("publish by WHIP: %v", err)
				return
			}
		}
	}()
	stop = func() { cancel(); <-done; session.Leave(context.WithoutCancel(ctx)); d.Close() }
	return stop
}

// mouth is a stream of RTP on its way out.
type mouth struct {
	packetizer *rtp.Packetizer
	track      *media.Track
	head       byte
	ssrc       uint32
	sequence   uint16
	checked    time.Time
}

func newMouth(t *testing.T, s *peer.Session, track *media.Track) *mouth {
	of := *track
	of.Form = media.FormRTP
	m := &mouth{track: &of, head: byte(peer.VideoType), ssrc: s.VideoSSRC}
	if track.Kind() == media.KindAudio {
		m.head, m.ssrc = peer.AudioType, s.AudioSSRC
	}
	var err error
	if m.packetizer, err = rtp.NewPacketizer(&of, 0, 1180); err != nil {
		t.Error(err)
	}
	return m
}

// say sends a frame.
func (m *mouth) say(s *peer.Session, p packet) error {
	if now := time.Now(); now.Sub(m.checked) > time.Second {
		m.checked = now
		if err := s.Consent(); err != nil {
			return err
		}
	}
	u := &media.Unit{Track: m.track, PTS: m.track.Rate.Ticks(p.pts), DTS: m.track.Rate.Ticks(p.pts), Access: p.access}
	if p.key {
		u.Flags = media.Key
	}
	for _, packet := range m.packetizer.Packetize(nil, u) {
		head := m.head
		if packet.RTP.Marker {
			head |= 0x80
		}
		b := binary.BigEndian.AppendUint16([]byte{0x80, head}, m.sequence)
		b = binary.BigEndian.AppendUint32(b, uint32(u.PTS))
		b = append(binary.BigEndian.AppendUint32(b, m.ssrc), packet.RTP.Payload...)
		m.sequence++
		sealed, err := s.Out.EncryptRTP(nil, b, nil)
		if err != nil {
			return err
		}
		if _, err := s.Conn.Write(sealed); err != nil {
			return err
		}
	}
	return nil
}

// One publisher by WHIP and one by RTMP are one programme, by HLS and by WebRTC.
func TestMixOfWHIPAndRTMP(t *testing.T) {
	cores.Take(t, 0.5)
	red := filepath.Join(t.TempDir(), "red.mp4")
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "color=red:size=640x360:rate=30",
		"-f", "lavfi", "-i", "sine=440:sample_rate=48000", "-t", "3", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast",
		"-profile:v", "baseline", "-g", "30", "-c:a", "libopus", "-ac", "2", red).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	s := start(t, webrtc+transcoding(t, 8)+mixedBoth)
	const path = "live/studio"
	stopHost := s.camera(t, path+"/host", "blue", "640x360", "25")
	stopGuest := s.guest(t, path, red)
	s.await(t, path, 1)
	player := s.show(t, path)
	player.awaits(t, 30*time.Second, "black black red blue black")
	a, left, leave := s.viewer(t, path)
	eventually(t, 20*time.Second, "a second of pictures", func() bool { return a.Pictures.Load() > 25 })
	leave()
	if err := <-left; err != nil {
		t.Errorf("the viewer: %v", err)
	}
	for _, line := range s.log.lines("left units out") {
		t.Errorf("left out: %s", line)
	}
	stopGuest()
	stopHost()
	s.stop()
}
