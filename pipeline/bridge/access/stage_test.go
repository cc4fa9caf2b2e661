package access

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/pipeline"
	"weir/pipeline/bridge/rtp"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStage(t *testing.T) { stagetest.Run(t, Factory(), stagetest.Options{}) }

// bench is a graph of a source, bridges and a sink.
type bench struct {
	items []media.Item // what the source sends
	// then is what it does afterwards; may be nil.
	then func(ctx context.Context, out *pipeline.Output) error
	got  []media.Item
}

// run plays the items through a bridge that the planner inserts.
func (b *bench) run(t *testing.T, via ...pipeline.Factory) {
	t.Helper()
	form := media.FormRTP
	if len(via) > 0 {
		form = media.FormAccess
	}
	source := stagetest.Stage(
		pipeline.Spec{
			Type: "test/source", Role: pipeline.Source,
			Out: []pipeline.Port{{Name: "out", Streams: pipeline.Streams{Form: form}}},
		},
		func(ctx context.Context, p *pipeline.Ports) error {
			out := p.Out("out")
			for _, item := range b.items {
				if err := stagetest.Put(ctx, out, item); err != nil {
					return err
				}
			}
			if b.then != nil {
				return b.then(ctx, out)
			}
			return nil
		})
	sink := stagetest.Stage(
		pipeline.Spec{
			Type: "test/sink", Role: pipeline.Sink,
			In: []pipeline.Port{{Name: "in", Streams: pipeline.Streams{Form: media.FormAccess}}},
		},
		func(ctx context.Context, p *pipeline.Ports) error {
			for {
				item, err := p.In("in").Recv(ctx)
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					return err
				}
				b.got = append(b.got, item)
			}
		})
	reg, err := pipeline.NewRegistry(append(via, source, Factory(), sink)...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	pattern, err := pipeline.ParsePattern("live/test")
	if err != nil {
		t.Fatal(err)
	}
	stages := []pipeline.StageDef{{Name: "source", Use: "test/source", Config: &stagetest.NoConfig{}, Restart: pipeline.RestartNever}}
	from := "source"
	for _, f := range via {
		stages = append(stages, pipeline.StageDef{Name: "via", Use: f.Spec().Type, Config: f.Config(), From: []pipeline.From{{Stage: from}}})
		from = "via"
	}
	stages = append(stages, pipeline.StageDef{Name: "sink", Use: "test/sink", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: from}}})
	plan, problems := pipeline.NewPlan(&pipeline.Definition{Pattern: pattern, Stages: stages}, reg)
	if plan == nil {
		t.Fatal(problems)
	}
	if i := slices.IndexFunc(plan.Nodes, func(n *pipeline.Node) bool { return n.Name == "~access" }); i < 0 {
		t.Fatal("the planner inserted no bridge")
	}
	pipeline.NewGraph(plan, pipeline.Options{
		Path: "live/test", Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Drain: time.Second,
	}).Run(ctx)
}

// units are the units that came out.
func (b *bench) units() []*media.Unit {
	var us []*media.Unit
	for _, item := range b.got {
		if u, ok := item.(*media.Unit); ok {
			us = append(us, u)
		}
	}
	return us
}

// Through both bridges nothing changes, over a change of tracks.
func TestThere(t *testing.T) {
	opus := func() *media.Track {
		return &media.Track{ID: "audio", Codec: media.CodecOpus, Form: media.FormAccess, Rate: media.OpusRate, Channels: 2}
	}
	var b bench
	for i := range 2 {
		set := &media.TrackSet{Tracks: []*media.Track{stagetest.VideoTrack(), opus()}}
		b.items = append(b.items, stagetest.MovieFrom(set, time.Duration(2*i)*time.Second, 2*time.Second)...)
	}
	b.run(t, rtp.Factory())
	got := b.units()
	n := 0
	for _, item := range b.items {
		want, ok := item.(*media.Unit)
		if !ok {
			continue
		}
		if n >= len(got) {
			t.Fatalf("only %d units", n)
		}
		g := got[n]
		n++
		if g.Track.ID != want.Track.ID || g.PTS != want.PTS || g.Flags != want.Flags || !slices.EqualFunc(g.Access, want.Access, bytes.Equal) {
			t.Fatalf("unit %d: %s %d %v %x, want %s %d %v %x", n, g.Track.ID, g.PTS, g.Flags, g.Access,
				want.Track.ID, want.PTS, want.Flags, want.Access)
		}
		if v := stagetest.VideoTrack(); g.Kind() == media.KindVideo && (!bytes.Equal(g.Track.Config, v.Config) || !reflect.DeepEqual(g.Track.Layers, v.Layers)) {
			t.Fatalf("unit %d: track %+v", n, g.Track)
		}
	}
}
