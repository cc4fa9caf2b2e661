package rtp

import (
	"context"
	_ "embed"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"

	"weir/pipeline"
	payload "weir/pipeline/bitstream/rtp"
	"weir/pipeline/bridge/internal/feedback"
	"weir/pipeline/media"
)

//go:embed example.yaml
var example string

// Factory makes bridges from access units to RTP packets.
func Factory() pipeline.Factory {
	access := pipeline.Streams{Form: media.FormAccess}
	packets := pipeline.Streams{Form: media.FormRTP, Codecs: payload.Codecs()}
	spec := pipeline.Spec{
		Type: "pipeline/bridge/rtp", Role: pipeline.Transform,
		In:  []pipeline.Port{{Name: "in", Streams: access}},
		Out: []pipeline.Port{{Name: "out", Streams: packets}},
		Converts: []pipeline.Conversion{{
			Name: "rtp", From: access, To: packets,
			Why: "viewers take RTP packets; each unit is cut into them once for all",
		}},
		Doc: "Cuts access units into RTP packets, once for all viewers.", Example: example,
	}
	return pipeline.Define(spec, defaults, func(c Config, env pipeline.Env) (pipeline.Stage, error) {
		return &stage{mtu: c.MTU, log: env.Log}, nil
	})
}

type stage struct {
	mtu int
	log *slog.Logger

	lanes   lanes
	scratch []*media.Unit

	mu     sync.Mutex // guards what follows
	status Status
}

// Run packetises until the input ends.
func (s *stage) Run(ctx context.Context, p *pipeline.Ports) error {
	in, out := p.In("in"), p.Out("out")
	defer feedback.Relay(out, in)()
	for {
		in.Spare(out.Patience())
		item, err := in.Recv(ctx)
		switch {
		case errors.Is(err, io.EOF), ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		switch it := item.(type) {
		case *media.TrackSet:
			s.follow(it)
			out.SetTracks(s.lanes.set())
		case *media.Unit:
			if err := s.send(ctx, out, it); err != nil {
				return nil // only a cancelled ctx ends Send
			}
		}
	}
}

func (s *stage) follow(set *media.TrackSet) {
	next, leftOut := s.lanes.follow(set, s.mtu)
	s.lanes = next
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(leftOut) > 0 && !slices.Equal(leftOut, s.status.LeftOut) {
		s.log.Warn("tracks are left out", "tracks", leftOut)
	}
	s.status.LeftOut = leftOut
}

func (s *stage) send(ctx context.Context, out *pipeline.Output, u *media.Unit) error {
	l := s.lanes.of(u.Track)
	if l == nil {
		return nil
	}
	s.scratch = l.packetize(s.scratch[:0], u)
	defer clear(s.scratch)
	for _, packet := range s.scratch {
		if err := out.Send(ctx, packet); err != nil {
			return err
		}
	}
	return nil
}

// Status is what the bridge shows.
type Status struct {
	// LeftOut names the tracks that cannot be carried by RTP, and why.
	LeftOut []string `json:"left_out,omitempty"`
}

// Describe implements pipeline.Describer.
func (s *stage) Describe() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

var (
	_ pipeline.Stage     = (*stage)(nil)
	_ pipeline.Describer = (*stage)(nil)
)
