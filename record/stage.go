package record

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/record/spool"
)

//go:embed example.yaml
var example string

// Type is the stage's type in a configuration.
const Type = "record"

// Factory makes the stages of type record, which record into the depot's spools. It is
// also a pipeline.Announcer.
func Factory(depot *Depot) pipeline.Factory {
	f := &factory{depot: depot}
	f.Factory = pipeline.Define(spec(), defaults, f.stage)
	return f
}

type factory struct {
	pipeline.Factory
	depot *Depot
}

func spec() pipeline.Spec {
	return pipeline.Spec{
		Type: Type,
		Role: pipeline.Sink,
		In: []pipeline.Port{{
			Name: "in",
			Streams: pipeline.Streams{
				Form:   media.FormAccess,
				Codecs: []media.Codec{media.CodecH264, media.CodecH265, media.CodecAV1, media.CodecVP9, media.CodecAAC, media.CodecOpus},
			},
			Doc: "one video track with all its layers, and any number of audio tracks",
		}},
		Doc:     "records the stream into a directory or a bucket, as HLS that can be played from there",
		Example: example, Metrics: metrics(),
		Reach: []string{"store.dir", "store.s3.endpoint", "store.s3.ca", "store.s3.credentials", "store.s3.profile", "spool"},
	}
}

// Announce implements pipeline.Announcer.
func (f *factory) Announce(a pipeline.Announcement) (withdraw func(), err error) {
	cfg, ok := a.Config.(*Config)
	if !ok {
		return nil, fmt.Errorf("record: configuration is a %T", a.Config)
	}
	return f.depot.announce(a, cfg), nil
}

func (f *factory) stage(cfg Config, env pipeline.Env) (pipeline.Stage, error) {
	times, err := newSchedule(cfg.Schedule)
	if err != nil {
		return nil, pipeline.Fail(pipeline.Config, "read the schedule", err)
	}
	return &stage{cfg: cfg, env: env, depot: f.depot, wish: wish{manual: cfg.Start == "manual", schedule: times}}, nil
}

// stage is one run of the recording.
type stage struct {
	cfg   Config
	env   pipeline.Env
	depot *Depot
	wish  wish

	box    atomic.Pointer[spool.Box]    // for Describe, as what follows
	writer atomic.Pointer[spool.Writer] // nil while nothing is recorded
	notes  notes
}

// grace is how long a disk may take for the end of a recording before it is left to the
// spool.
const grace = 5 * time.Second

// nap is how late the stage may look at what has come: little beside a fragment.
const nap = 100 * time.Millisecond

// Run implements pipeline.Stage.
func (s *stage) Run(ctx context.Context, p *pipeline.Ports) error {
	s.notes.log = s.env.Log
	box, err := s.depot.open(&s.cfg)
	if err != nil {
		return pipeline.Fail(pipeline.Transient, "open the spool", err)
	}
	s.box.Store(box)
	in := p.In("in")
	in.Nap(min(nap, s.cfg.Fragment/10))
	r := &recorder{cfg: s.cfg, env: s.env, note: &s.notes, ask: func(k media.KeyframeRequest) { in.Ask(k) }, waiting: true}
	r.open = box.Record
	for {
		item, err := in.Recv(ctx)
		if err != nil {
			s.close(r.stop("the stream ended"))
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if s.wish.why(time.Now()) != "" {
			if w := r.stop("stopped"); w != nil {
				s.writer.Store(nil)
			}
			if set, ok := item.(*media.TrackSet); ok {
				r.take(set)
			}
			continue
		}
		r.take(item)
		s.writer.Store(r.writer)
	}
}

// close waits until the disk has the end of a recording.
func (s *stage) close(w *spool.Writer) {
	if w == nil {
		return
	}
	select {
	case <-w.Ended():
	case <-time.After(grace):
		s.env.Log.Warn("the disk is too slow; the end of the recording is left to the spool")
	}
	s.writer.Store(nil)
}

// Control implements pipeline.Controller: {"record": false} ends the recording, and
// {"record": true} begins another one.
func (s *stage) Control(body []byte) error {
	var said struct {
		Record *bool `json:"record"`
	}
	if err := json.Unmarshal(body, &said); err != nil || said.Record == nil {
		return errors.New(`say {"record": true} or {"record": false}`)
	}
	s.wish.say(*said.Record, time.Now())
	return nil
}

// notes are what goes wrong around the making of fragments.
type notes struct {
	log *slog.Logger

	mu   sync.Mutex // guards what follows
	last string
	left map[media.TrackID]bool
}

// failed notes why no recording could be begun.
func (n *notes) failed(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.last != err.Error() {
		n.log.Error("nothing is recorded", "error", err)
	}
	n.last = err.Error()
}

// leftOut notes a track that cannot be recorded.
func (n *notes) leftOut(t *media.Track, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.left[t.ID] {
		n.log.Warn("a track is not recorded", "track", t.ID, "error", err)
	}
	if n.left == nil {
		n.left = make(map[media.TrackID]bool)
	}
	n.left[t.ID] = true
}

func (n *notes) why() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last
}

var (
	_ pipeline.Announcer  = (*factory)(nil)
	_ pipeline.Describer  = (*stage)(nil)
	_ pipeline.Controller = (*stage)(nil)
)
