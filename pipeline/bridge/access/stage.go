package access

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"weir/pipeline"
	"weir/pipeline/bitstream/rtp"
	"weir/pipeline/bridge/internal/feedback"
	"weir/pipeline/media"
)

//go:embed example.yaml
var example string

const (
	// askEvery is the time between two requests for a key unit that does not come.
	askEvery = time.Second
	// warnEvery is the least time between two lines in the log about lost pictures.
	warnEvery = 10 * time.Second
	// reportEvery is how old Describe's counters may be.
	reportEvery = time.Second
)

// Factory makes bridges from RTP packets to access units.
func Factory() pipeline.Factory {
	packets := pipeline.Streams{Form: media.FormRTP, Codecs: rtp.Codecs()}
	access := pipeline.Streams{Form: media.FormAccess, Codecs: rtp.Codecs()}
	spec := pipeline.Spec{
		Type: "pipeline/bridge/access", Role: pipeline.Transform,
		In:  []pipeline.Port{{Name: "in", Streams: packets}},
		Out: []pipeline.Port{{Name: "out", Streams: access}},
		Converts: []pipeline.Conversion{{
			Name: "access", From: packets, To: access,
			Why: "whole access units are wanted; packets are put together again",
		}},
		Doc: "Puts RTP packets together into access units.", Example: example,
	}
	return pipeline.Define(spec, defaults, func(c Config, env pipeline.Env) (pipeline.Stage, error) {
		s := &stage{wait: c.Wait, log: env.Log}
		s.report(time.Time{})
		return s, nil
	})
}

type stage struct {
	wait time.Duration
	log  *slog.Logger

	in     *pipeline.Input
	out    *pipeline.Output
	lanes  []*lane
	units  []*media.Unit
	frames []rtp.Frame
	warned time.Time

	leftOut  []string
	reported time.Time
	status   atomic.Pointer[Status]
}

// Run puts units together until the input ends.
func (s *stage) Run(ctx context.Context, p *pipeline.Ports) error {
	s.in, s.out = p.In("in"), p.Out("out")
	defer feedback.Relay(s.out, s.in)()
	for {
		item, err := s.in.Recv(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, io.EOF):
			s.flush(ctx, s.lanes)
			return nil
		case err != nil:
			return err
		}
		switch it := item.(type) {
		case *media.TrackSet:
			s.follow(ctx, it)
		case *media.Unit:
			s.take(ctx, it)
		}
	}
}

// follow goes on with another set of tracks.
func (s *stage) follow(ctx context.Context, set *media.TrackSet) {
	var next, gone []*lane
	s.leftOut = nil
	for _, t := range set.Tracks {
		i := slices.IndexFunc(s.lanes, func(l *lane) bool { return l.in == t })
		if i >= 0 {
			next = append(next, s.lanes[i])
			continue
		}
		l, err := newLane(t, s.wait)
		if err != nil {
			s.leftOut = append(s.leftOut, fmt.Sprintf("%s: %v", t.ID, err))
			continue
		}
		next = append(next, l)
	}
	for _, l := range s.lanes {
		if !slices.Contains(next, l) {
			gone = append(gone, l)
		}
	}
	s.flush(ctx, gone)
	s.lanes = next
	s.publish()
	if len(s.leftOut) > 0 {
		s.log.Warn("tracks are left out", "tracks", s.leftOut)
	}
	s.report(time.Now())
}

// flush lets out what lanes hold.
func (s *stage) flush(ctx context.Context, lanes []*lane) {
	for _, l := range lanes {
		for _, a := range l.layers {
			s.units = a.reorder.Flush(s.units[:0])
			s.assemble(ctx, l, a)
			var err error
			s.frames, err = a.depacketizer.Flush(s.frames[:0])
			s.send(ctx, l, a, err)
		}
	}
}

// take leads a packet through its lane, and lets out what has waited long enough in
// the others.
func (s *stage) take(ctx context.Context, u *media.Unit) {
	for _, l := range s.lanes {
		if l.in == u.Track && l.layers == nil {
			_ = s.out.Send(ctx, u)
			continue
		}
		for _, a := range l.layers {
			if l.in == u.Track && a.index == u.Layer {
				s.units = a.reorder.Push(s.units[:0], u)
			} else {
				s.units = a.reorder.Expire(s.units[:0], u.Arrived)
			}
			s.assemble(ctx, l, a)
		}
	}
	if u.Arrived.Sub(s.reported) >= reportEvery {
		s.report(u.Arrived)
	}
}

// assemble puts together what s.units, packets of a layer in order, complete.
func (s *stage) assemble(ctx context.Context, l *lane, a *layer) {
	for _, u := range s.units {
		var err error
		s.frames, err = a.depacketizer.Push(s.frames[:0], u)
		s.send(ctx, l, a, err)
		if a.depacketizer.Waiting() && u.Arrived.Sub(a.asked) >= askEvery {
			a.asked = u.Arrived
			s.in.Ask(media.KeyframeRequest{Track: l.in.ID, Layer: a.index})
		}
	}
	clear(s.units)
}

// send lets out s.frames, and notes what was lost.
func (s *stage) send(ctx context.Context, l *lane, a *layer, lost error) {
	for i := range s.frames {
		f := &s.frames[i]
		if f.Params != a.params {
			a.params = f.Params
			l.describe()
			s.publish()
		}
		u := f.Unit
		u.Track = l.out
		_ = s.out.Send(ctx, &u) // fails only when ctx is cancelled, which Run sees
	}
	clear(s.frames)
	if lost == nil {
		return
	}
	a.damaged++
	if now := time.Now(); now.Sub(s.warned) >= warnEvery {
		s.warned = now
		s.log.Warn("a picture was lost", "track", l.in.ID, "layer", a.index, "error", lost)
	}
}

// publish says which tracks go out.
func (s *stage) publish() {
	set := &media.TrackSet{}
	for _, l := range s.lanes {
		if l.out != nil {
			set.Tracks = append(set.Tracks, l.out)
		}
	}
	s.out.SetTracks(set)
}
