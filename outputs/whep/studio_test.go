package whep

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/access/accesstest"
	bitrtp "weir/pipeline/bitstream/rtp"
	"weir/pipeline/media"
	"weir/pipeline/service/httpd"
	"weir/pipeline/service/rtc/egress"
	"weir/pipeline/stagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// studio is a pipeline test/source → outputs/whep at live/studio, with an engine on a
// socket.
type studio struct {
	t     *testing.T
	more  chan media.Item
	graph *pipeline.Graph
	mount httpd.Mount
	addr  netip.AddrPort
	asked chan media.Feedback
	made  *registry
	ended chan struct{}
	lets  atomic.Pointer[accesstest.Script] // nil is everybody

	tracks []*media.Track
	pack   map[media.TrackID][]*bitrtp.Packetizer // by layer
	anew   map[*bitrtp.Packetizer]bool            // nothing sent yet
	epoch  time.Time
	silent atomic.Int32 // one more than the layer that is not sent
}

// Allow implements access.Policy.
func (s *studio) Allow(ctx context.Context, r access.Request) (*access.Pass, error) {
	if script := s.lets.Load(); script != nil {
		return script.Allow(ctx, r)
	}
	return access.Keys{}.Allow(ctx, r)
}

// Mount implements Site.
func (s *studio) Mount(m httpd.Mount) func() {
	s.mount = m
	return func() {}
}

// Candidates implements Port.
func (s *studio) Candidates(netip.Addr) []string {
	return []string{"candidate:1 1 udp 2130706431 " + s.addr.Addr().String() + " " + port(s.addr) + " typ host"}
}

// Links implements Port.
func (s *studio) Links(time.Time) []string {
	return []string{`<stun:stun.example.net>; rel="ice-server"`}
}

func port(a netip.AddrPort) string {
	_, p, _ := net.SplitHostPort(a.String())
	return p
}

// newStudio starts it on conn, which it closes with the test.
func newStudio(t *testing.T, conn net.PacketConn, cfg Config, tracks ...*media.Track) *studio {
	t.Helper()
	s := &studio{
		t: t, more: make(chan media.Item), ended: make(chan struct{}),
		addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), pack: make(map[media.TrackID][]*bitrtp.Packetizer),
		asked: make(chan media.Feedback, 1000),
	}
	engine, err := egress.New(egress.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{}, 3)
	socket := engine.Attach(conn)
	go func() { _ = engine.Run(ctx); done <- struct{}{} }()
	go func() { read(conn, socket); done <- struct{}{} }()
	s.plan(engine, cfg)
	go func() { s.graph.Run(ctx); close(s.ended); done <- struct{}{} }()
	t.Cleanup(func() {
		cancel()
		<-s.ended
		_ = conn.Close()
		for range cap(done) {
			<-done
		}
	})
	s.epoch = s.graph.Snapshot().Epoch
	s.bring(tracks...)
	return s
}

// bring is a new source with these tracks.
func (s *studio) bring(tracks ...*media.Track) {
	s.t.Helper()
	s.tracks, s.anew = tracks, make(map[*bitrtp.Packetizer]bool)
	for _, tr := range tracks {
		s.pack[tr.ID] = nil
		for i := range max(1, len(tr.Layers)) {
			p, err := bitrtp.NewPacketizer(tr, int8(i), bitrtp.DefaultMTU)
			if err != nil {
				s.t.Fatal(err)
			}
			s.pack[tr.ID] = append(s.pack[tr.ID], p)
			s.anew[p] = true
		}
	}
	s.more <- &media.TrackSet{Tracks: tracks}
}

func read(conn net.PacketConn, socket *egress.Socket) {
	buf := make([]byte, 2048)
	for {
		n, from, err := conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || err != nil && strings.Contains(err.Error(), "closed") {
			return
		}
		if err == nil {
			socket.Handle(buf[:n], from.(*net.UDPAddr).AddrPort())
		}
	}
}

func (s *studio) plan(engine *egress.Engine, cfg Config) {
	s.t.Helper()
	f := Factory(s, engine, s, s)
	s.made = f.(*factory).registry
	source := stagetest.Stage(pipeline.Spec{Type: "test/source", Role: pipeline.Source, Live: true},
		func(ctx context.Context, p *pipeline.Ports) error {
			out := p.Out("out")
			for {
				select {
				case item, ok := <-s.more:
					if !ok || stagetest.Put(ctx, out, item) != nil {
						return nil
					}
				case fb := <-out.Feedback():
					s.asked <- fb
				case <-ctx.Done():
					return nil
				}
			}
		})
	pattern, err := pipeline.ParsePattern("live/studio")
	if err != nil {
		s.t.Fatal(err)
	}
	reg, err := pipeline.NewRegistry(source, f)
	if err != nil {
		s.t.Fatal(err)
	}
	def := &pipeline.Definition{Pattern: pattern, Stages: []pipeline.StageDef{
		{Name: "source", Use: "test/source", Config: &stagetest.NoConfig{}},
		{Name: "watch", Use: Type, Config: &cfg, From: []pipeline.From{{Stage: "source"}}, Restart: pipeline.RestartNever},
	}}
	plan, problems := pipeline.NewPlan(def, reg)
	if plan == nil {
		s.t.Fatal(problems)
	}
	s.graph = pipeline.NewGraph(plan, pipeline.Options{
		Path: "live/studio", Log: slog.New(slog.NewTextHandler(s.t.Output(), nil)), Drain: 5 * time.Second,
	})
	if _, err := f.(pipeline.Announcer).Announce(pipeline.Announcement{
		Pattern: pattern, Config: &cfg, Wake: func(string) error { return nil },
	}); err != nil {
		s.t.Fatal(err)
	}
}

// do asks the stage's resources, as httpd would let a client do.
func (s *studio) do(method, leaf, kind, body string, header ...string) *http.Response {
	url := "/live/studio/" + leaf
	r := httptest.NewRequest(method, url, strings.NewReader(body))
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	leaf, _, _ = strings.Cut(leaf, "?")
	w := httptest.NewRecorder()
	s.mount.Serve(w, r, "live/studio", leaf)
	return w.Result()
}

// picture sends one picture of every layer of the video track and the sound that
// belongs to it: 30 a second, a key picture each keyEvery. size is that of the first
// layer in bytes; the next ones are half as large each.
func (s *studio) picture(n, keyEvery, size int) {
	for _, t := range s.tracks {
		if t.Kind() == media.KindAudio {
			for i := range 2 {
				s.send(t, 0, media.Rescale(media.Ticks(n*2+i), 60, t.Rate), media.Key, []byte{0xfc, byte(n >> 8), byte(n), 1})
			}
			continue
		}
		bytes := size
		for layer := range t.Layers {
			head, flags := byte(0x41), media.Flags(0)
			if int(s.silent.Load()) == layer+1 {
				bytes /= 2
				continue
			}
			if n%keyEvery == 0 {
				head, flags = 0x65, media.Key
			}
			nal := make([]byte, max(bytes, 8))
			copy(nal, []byte{head, 0x88, byte(n >> 8), byte(n), byte(layer), 0x80})
			s.send(t, int8(layer), media.Ticks(n*3000), flags, nal)
			bytes /= 2
		}
	}
}

func (s *studio) send(t *media.Track, layer int8, at media.Ticks, flags media.Flags, payload []byte) {
	u := &media.Unit{
		Track: t, Layer: layer, PTS: at, DTS: at, Arrived: time.Now(), Capture: time.Now(),
		Flags: flags | media.FrameEnd, Access: [][]byte{payload},
	}
	pack := s.pack[t.ID][layer]
	if s.anew[pack] {
		u.Flags |= media.Discontinuity
		delete(s.anew, pack)
	}
	for _, p := range pack.Packetize(nil, u) {
		select {
		case s.more <- p:
		case <-s.ended:
			return
		}
	}
}

// play runs movie on a goroutine of its own, which ends with the test. played is
// closed when it has been sent.
func (s *studio) play(first int, d time.Duration, keyEvery, size int) (played <-chan struct{}) {
	done := make(chan struct{})
	go func() { defer close(done); s.movie(first, d, keyEvery, size) }()
	s.t.Cleanup(func() { <-done })
	return done
}

// movie sends pictures from number first on for a while, in their time.
func (s *studio) movie(first int, d time.Duration, keyEvery, size int) (next int) {
	began, n := time.Now(), first
	for ; time.Duration(n-first)*time.Second/30 < d; n++ {
		select {
		case <-time.After(time.Until(began.Add(time.Duration(n-first) * time.Second / 30))):
		case <-s.ended:
			return n
		}
		s.picture(n, keyEvery, size)
	}
	return n
}

func video(layers ...string) *media.Track {
	t := stagetest.VideoTrack()
	t.Form = media.FormRTP
	t.Layers = nil
	for i, name := range layers {
		t.Layers = append(t.Layers, media.Layer{Name: name, Width: 1280 >> i, Height: 720 >> i})
	}
	return t
}

func sound() *media.Track {
	return &media.Track{ID: "audio", Codec: media.CodecOpus, Form: media.FormRTP, Rate: media.OpusRate, Channels: 2}
}
