package rtp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/pipeline"
	payload "weir/pipeline/bitstream/rtp"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStage(t *testing.T) { stagetest.Run(t, Factory(), stagetest.Options{}) }

// run plays items through a bridge that the planner inserts in front of a sink that
// takes RTP, and is what comes out and what the bridge shows at the end.
func run(t *testing.T, items []media.Item) []media.Item {
	t.Helper()
	var got []media.Item
	source := stagetest.Stage(
		pipeline.Spec{
			Type: "test/source", Role: pipeline.Source,
			Out: []pipeline.Port{{Name: "out", Streams: pipeline.Streams{Form: media.FormAccess}}},
		},
		func(ctx context.Context, p *pipeline.Ports) error {
			for _, item := range items {
				if err := stagetest.Put(ctx, p.Out("out"), item); err != nil {
					return err
				}
			}
			return nil
		})
	sink := stagetest.Stage(
		pipeline.Spec{
			Type: "test/sink", Role: pipeline.Sink,
			In: []pipeline.Port{{Name: "in", Streams: pipeline.Streams{Form: media.FormRTP}}},
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
				got = append(got, item)
			}
		})
	g := graph(t, source, sink)
	g.Run(t.Context())
	return got
}

func graph(t *testing.T, source, sink pipeline.Factory) *pipeline.Graph {
	t.Helper()
	reg, err := pipeline.NewRegistry(source, Factory(), sink)
	if err != nil {
		t.Fatal(err)
	}
	pattern, err := pipeline.ParsePattern("live/test")
	if err != nil {
		t.Fatal(err)
	}
	plan, problems := pipeline.NewPlan(&pipeline.Definition{Pattern: pattern, Stages: []pipeline.StageDef{
		{Name: "source", Use: "test/source", Config: &stagetest.NoConfig{}, Restart: pipeline.RestartNever},
		{Name: "sink", Use: "test/sink", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: "source"}}},
	}}, reg)
	if plan == nil {
		t.Fatal(problems)
	}
	if n := plan.Nodes[1]; n.Name != "~rtp" || !n.Inserted {
		t.Fatalf("the planner inserted %+v", n)
	}
	return pipeline.NewGraph(plan, pipeline.Options{
		Path: "live/test", Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Drain: time.Second,
	})
}

// Video becomes packets, AAC is left out, and a change of parameters keeps sequence
// numbers.
func TestPackets(t *testing.T) {
	first := stagetest.Both()
	second := stagetest.Both()
	second.Tracks[1] = &media.Track{ID: "sound", Codec: media.CodecOpus, Form: media.FormAccess, Rate: media.OpusRate, Channels: 2}
	items := stagetest.Movie(first, 2*time.Second)
	items = append(items, stagetest.MovieFrom(second, 2*time.Second, time.Second)...)

	var sets []string
	var keys, pictures, sounds int
	var sequence uint16
	for _, item := range run(t, items) {
		switch it := item.(type) {
		case *media.TrackSet:
			var names []string
			for _, tr := range it.Tracks {
				names = append(names, string(tr.ID)+" "+tr.Form.String())
			}
			sets = append(sets, strings.Join(names, ", "))
		case *media.Unit:
			if it.Kind() == media.KindAudio {
				sounds++
				continue
			}
			if it.RTP.Sequence != sequence {
				t.Fatalf("packet %d where %d comes next", it.RTP.Sequence, sequence)
			}
			sequence++
			if it.Flags.Has(media.Key) {
				keys++
				if !payload.KeyStart(media.CodecH264, it.RTP.Payload) {
					t.Errorf("%x starts no key picture", it.RTP.Payload)
				}
			}
			if it.Flags.Has(media.FrameEnd) {
				pictures++
			}
		}
	}
	if want := []string{"video rtp", "video rtp, sound rtp"}; !reflect.DeepEqual(sets, want) {
		t.Errorf("sets %q, want %q", sets, want)
	}
	// Units of 1024 ticks come 46.875 times a second.
	if keys != 3 || pictures != 90 || sounds != 47 {
		t.Errorf("%d keys, %d pictures, %d units of sound", keys, pictures, sounds)
	}
}

// What is left out is said.
func TestDescribe(t *testing.T) {
	made, err := Factory().New(Factory().Config(), pipeline.Env{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s, _ := made.(*stage)
	set := stagetest.Both()
	set.Tracks[0].Config = []byte{1}
	s.follow(set)
	want := Status{LeftOut: []string{"video: malformed H.264 configuration: not an avcC record", "audio: AAC has no RTP payload format here"}}
	if got := s.Describe(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A request for a key unit goes to the source.
func TestFeedback(t *testing.T) {
	want := media.KeyframeRequest{Track: "video"}
	asked := make(chan media.Feedback, 1)
	source := stagetest.Stage(
		pipeline.Spec{
			Type: "test/source", Role: pipeline.Source,
			Out: []pipeline.Port{{Name: "out", Streams: pipeline.Streams{Form: media.FormAccess}}},
		},
		func(ctx context.Context, p *pipeline.Ports) error {
			select {
			case f := <-p.Out("out").Feedback():
				asked <- f
			case <-ctx.Done():
			}
			return nil
		})
	sink := stagetest.Stage(
		pipeline.Spec{
			Type: "test/sink", Role: pipeline.Sink,
			In: []pipeline.Port{{Name: "in", Streams: pipeline.Streams{Form: media.FormRTP}}},
		},
		func(ctx context.Context, p *pipeline.Ports) error {
			p.In("in").Ask(want)
			_, err := p.In("in").Recv(ctx)
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	graph(t, source, sink).Run(ctx)
	select {
	case got := <-asked:
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	default:
		t.Error("the source was not asked")
	}
}

func TestValidate(t *testing.T) {
	for mtu, ok := range map[int]bool{0: false, 499: false, 500: true, 1200: true, 8900: true, 8901: false} {
		if err := (&Config{MTU: mtu}).Validate(); (err == nil) != ok {
			t.Errorf("%d: %v", mtu, err)
		}
	}
}
