package draw

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/ring"
)

var update = flag.Bool("update", false, "rewrite the expected texts")

type none struct{}

func (*none) Validate() error { return nil }

type idle struct{}

func (idle) Run(context.Context, *pipeline.Ports) error { return nil }

func define(spec pipeline.Spec) pipeline.Factory {
	return pipeline.Define(spec, func() none { return none{} }, func(none, pipeline.Env) (pipeline.Stage, error) { return idle{}, nil })
}

func streams(codecs ...media.Codec) pipeline.Streams {
	return pipeline.Streams{Form: media.FormAccess, Codecs: codecs}
}

// plans are two pipelines with everything that can be drawn: an inserted
// conversion, several ports, queues, restarts, a pipeline on demand.
func plans(t *testing.T) []*pipeline.Plan {
	t.Helper()
	all := streams(media.CodecH264, media.CodecAAC, media.CodecOpus)
	reg, err := pipeline.NewRegistry(
		define(pipeline.Spec{Type: "ingest/rtmp", Role: pipeline.Source, Live: true, Out: []pipeline.Port{{Name: "out", Streams: streams(media.CodecH264, media.CodecAAC)}}}),
		define(pipeline.Spec{Type: "ingest/file", Role: pipeline.Source, Out: []pipeline.Port{{Name: "out", Streams: all}}}),
		define(pipeline.Spec{
			Type: "transcode/audio", Role: pipeline.Transform,
			In: []pipeline.Port{{Name: "in"}}, Out: []pipeline.Port{{Name: "out"}},
			Converts: []pipeline.Conversion{{
				Name: "opus", Kind: media.KindAudio, From: streams(media.CodecAAC), To: streams(media.CodecOpus), Why: `AAC to Opus, as "WebRTC" wants`,
			}},
		}),
		define(pipeline.Spec{
			Type: "transcode/mixer", Role: pipeline.Transform,
			In:  []pipeline.Port{{Name: "guests", Streams: all, Many: true}, {Name: "slate", Streams: all, Optional: true}},
			Out: []pipeline.Port{{Name: "stage", Streams: all}, {Name: "preview", Streams: all}},
		}),
		define(pipeline.Spec{Type: "outputs/whep", Role: pipeline.Sink, In: []pipeline.Port{{Name: "in", Streams: streams(media.CodecH264, media.CodecOpus)}}}),
		define(pipeline.Spec{Type: "outputs/hls", Role: pipeline.Sink, In: []pipeline.Port{{Name: "in", Streams: all}}}),
	)
	if err != nil {
		t.Fatal(err)
	}
	live := &pipeline.Definition{Pattern: pattern(t, "live/{name}"), Stages: []pipeline.StageDef{
		{Name: "cam", Use: "ingest/rtmp"},
		{Name: "watch", Use: "outputs/whep", From: []pipeline.From{{Stage: "cam"}}},
		{Name: "also", Use: "outputs/whep", From: []pipeline.From{{Stage: "cam", Queue: pipeline.Queue{Hold: 3 * time.Second, Bytes: 8 << 20, Overrun: ring.DropOldest}}}},
		{Name: "hls", Use: "outputs/hls", From: []pipeline.From{{Stage: "cam"}}, Restart: pipeline.RestartAlways},
	}}
	mix := &pipeline.Definition{
		Pattern: pattern(t, "mix"), When: pipeline.Demanded, Linger: 30 * time.Second, Adapt: pipeline.AdaptNone,
		Stages: []pipeline.StageDef{
			{Name: "one", Use: "ingest/file"},
			{Name: "two", Use: "ingest/file", Restart: pipeline.RestartNever},
			{Name: "mixer", Use: "transcode/mixer", From: []pipeline.From{
				{Stage: "one", To: "guests"}, {Stage: "two", To: "guests", Queue: pipeline.Queue{Overrun: ring.Block}}, {Stage: "two", To: "slate"},
			}},
			{Name: "hls", Use: "outputs/hls", From: []pipeline.From{{Stage: "mixer", Port: "preview"}}},
		},
	}
	var ps []*pipeline.Plan
	for _, def := range []*pipeline.Definition{live, mix} {
		p, problems := pipeline.NewPlan(def, reg)
		if len(problems) > 0 {
			t.Fatalf("%+v", problems)
		}
		ps = append(ps, p)
	}
	noted := *ps[1]
	noted.Notes = []pipeline.Problem{{Stage: "hls", Message: "nobody hears it", Hint: "unmute it"}, {Message: "it rains"}}
	ps[1] = &noted
	return ps
}

func pattern(t *testing.T, text string) pipeline.Pattern {
	t.Helper()
	p, err := pipeline.ParsePattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDraw(t *testing.T) {
	for _, format := range Formats() {
		t.Run(format, func(t *testing.T) {
			var b strings.Builder
			if err := Draw(&b, format, plans(t)...); err != nil {
				t.Fatal(err)
			}
			name := "testdata/all." + format
			if *update {
				if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", b.String(), want)
			}
		})
	}
	if err := Draw(&strings.Builder{}, "png"); err == nil || err.Error() != `"png" is none of text, mermaid, dot, json` {
		t.Errorf("png: %v", err)
	}
}
