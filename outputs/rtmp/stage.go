package rtmp

import (
	"context"
	_ "embed"
	"errors"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/platform"
	"weir/pipeline/service/rtmpd"
)

//go:embed example.yaml
var example string

// Type is the stage's type in a configuration.
const Type = "outputs/rtmp"

// Dial opens a TCP connection, or refuses to.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Factory makes the stages of type outputs/rtmp, which connect by dial. It is also
// pipeline.Selective.
func Factory(dial Dial) pipeline.Factory {
	return factory{pipeline.Define(spec(), defaults, func(c Config, env pipeline.Env) (pipeline.Stage, error) {
		return newStage(c, env, publish(dial))
	})}
}

type factory struct{ pipeline.Factory }

// Takes implements pipeline.Selective.
func (f factory) Takes(cfg any, _ string) pipeline.Streams {
	s := pipeline.Streams{Form: media.FormAccess, Codecs: carried()}
	if c, ok := cfg.(*Config); ok {
		if p, err := platform.Named(c.Preset, c.Presets); err == nil {
			s.Codecs = c.takes(p)
		}
	}
	return s
}

func spec() pipeline.Spec {
	return pipeline.Spec{
		Type: Type,
		Role: pipeline.Sink,
		In: []pipeline.Port{{
			Name:    "in",
			Streams: pipeline.Streams{Form: media.FormAccess, Codecs: carried()},
			Doc:     "the first video track, of which one layer is pushed, and the first audio track",
		}},
		Doc:     "pushes the stream to an RTMP or RTMPS server, such as a platform's, and comes back by itself",
		Example: example, Metrics: metrics(), Reach: []string{"presets"},
	}
}

// publish dials as encoders do, but for larger chunks.
func publish(dial Dial) dialer {
	return func(ctx context.Context, e endpoint) (session, error) {
		c, err := rtmpd.Dial(ctx, e.url, rtmpd.DialOptions{
			Name: e.key, Dial: dial, ChunkSize: 64 << 10, Write: time.Minute, Prompt: true,
			Encoder: "FMLE/3.0 (compatible; weir)",
		})
		if err != nil {
			return nil, err
		}
		return c, nil
	}
}

// stage is one run of the output.
type stage struct {
	cfg     Config
	targets []*target
	mute    bool // nothing replaces missing sound
	silence silence
	lint    inspector
	layer   int8
	in      *pipeline.Input
	video   media.TrackID
	audio   media.TrackID
	request atomic.Pointer[media.KeyframeRequest] // what askKey asks for
}

func newStage(c Config, env pipeline.Env, dial dialer) (*stage, error) {
	p, err := c.demanding()
	if err != nil {
		return nil, pipeline.Fail(pipeline.Config, "read presets", err)
	}
	s := &stage{
		cfg: c, mute: c.Silence == never || c.Silence == auto && !p.Audio,
		lint: inspector{preset: p, log: env.Log.With("preset", c.Preset)},
	}
	primary, backup := c.endpoints(p)
	add := func(e endpoint) *target {
		t := &target{endpoint: e, dial: dial, hold: newHold(c.Delay, int64(c.HoldBytes), s.askKey)}
		t.status.now = TargetStatus{Role: e.role, Host: hostOf(e.url), State: Idle, Since: time.Now()}
		t.status.tell = env.Tell
		t.log = env.Log.With("target", e.role, "host", t.status.now.Host)
		s.targets = append(s.targets, t)
		return t
	}
	first := add(primary)
	if c.Backup != none {
		second := add(backup)
		if c.Backup == standby {
			second.wanted = func(running bool) bool {
				return standsIn(first.status.snapshot(), first.status.down(), running, time.Now())
			}
		}
	}
	return s, nil
}

// How long the primary may be down before the stand-by begins, and is live again before
// it ends.
const (
	standbyAfter = 5 * time.Second
	standbyOver  = 10 * time.Second
)

// standsIn says whether a stand-by is needed for a primary that was last live, or first
// tried, at up.
func standsIn(primary TargetStatus, up time.Time, running bool, now time.Time) bool {
	switch primary.State {
	case Live:
		return running && now.Sub(primary.Since) < standbyOver
	case Idle, Ended:
		return running
	default:
		return running || primary.State == Failed || !up.IsZero() && now.Sub(up) >= standbyAfter
	}
}

func hostOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return u.Host
}

// askKey asks for a key frame of what is pushed. Any goroutine may call it.
func (s *stage) askKey() {
	if r := s.request.Load(); r != nil {
		s.in.Ask(*r)
	}
}

// lastWords is how long targets may take to send what is left when the stream has ended.
const lastWords = 2 * time.Second

// Run implements pipeline.Stage.
func (s *stage) Run(ctx context.Context, p *pipeline.Ports) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	s.in = p.In("in")
	for _, t := range s.targets {
		running.Go(func() { t.run(ctx) })
	}
	for {
		item, err := s.in.Recv(ctx)
		switch {
		case errors.Is(err, io.EOF):
			for _, t := range s.targets {
				t.hold.end()
			}
			defer time.AfterFunc(lastWords, cancel).Stop()
			running.Wait()
			return nil
		case err != nil:
			return err
		}
		switch it := item.(type) {
		case *media.TrackSet:
			s.choose(it)
		case *media.Unit:
			s.take(it)
		}
	}
}

// choose picks the tracks and the layer to push.
func (s *stage) choose(set *media.TrackSet) {
	video, layer, audio := s.cfg.choose(set)
	s.lint.meter.Tracks(video, layer, audio)
	s.video, s.audio, s.layer = "", "", layer
	if video != nil {
		s.video = video.ID
	}
	if audio != nil {
		s.audio = audio.ID
		if s.silence.track == nil || s.silence.track.ID == silentID {
			s.silence = silence{track: audio, begun: s.silence.begun, next: media.Rescale(s.silence.next, silentTrack().Rate, audio.Rate)}
		}
	}
	if s.video != "" {
		s.request.Store(&media.KeyframeRequest{Track: s.video, Layer: s.layer})
	}
	if s.audio == "" && (s.silence.track == nil || s.silence.track.ID != silentID) {
		next, t := s.silence, silentTrack()
		s.silence = silence{track: t, begun: next.begun}
		if next.track != nil {
			s.silence.next = media.Rescale(next.next, next.track.Rate, t.Rate)
		}
	}
}

// choose picks of a set what is pushed: the first track of each kind, and the layer that
// is configured. Either may be nil.
func (c *Config) choose(set *media.TrackSet) (video *media.Track, layer int8, audio *media.Track) {
	for _, t := range set.Tracks {
		switch {
		case t.Kind() == media.KindAudio && audio == nil:
			audio = t
		case t.Kind() == media.KindVideo && video == nil:
			video = t
			layer = int8(max(0, slices.IndexFunc(t.Layers, func(l media.Layer) bool { return l.Name == c.Layer && l.Name != "" })))
		}
	}
	return video, layer, audio
}

// take gives a unit to all targets.
func (s *stage) take(u *media.Unit) {
	if u.Track.ID != s.video && u.Track.ID != s.audio || picture(u) && u.Layer != s.layer {
		return
	}
	s.lint.unit(u)
	if !s.mute {
		fill, wanted := s.silence.before(u)
		for _, f := range fill {
			s.push(f)
		}
		if !wanted {
			return
		}
	}
	s.push(u)
}

func (s *stage) push(u *media.Unit) {
	for _, t := range s.targets {
		t.hold.push(u)
	}
}

var (
	_ pipeline.Selective = factory{}
	_ pipeline.Describer = (*stage)(nil)
)
