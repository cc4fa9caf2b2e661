package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/ring"
	"weir/pipeline/stagetest"
)

func idle(context.Context, *pipeline.Ports) error { return nil }

func planRegistry(t *testing.T) *pipeline.Registry {
	t.Helper()
	access := pipeline.Streams{Form: media.FormAccess, Codecs: []media.Codec{media.CodecH264, media.CodecAAC}}
	rtp := pipeline.Streams{Form: media.FormRTP, Codecs: []media.Codec{media.CodecH264, media.CodecOpus}, Without: pipeline.BFrames}
	in := func(s pipeline.Streams) []pipeline.Port { return []pipeline.Port{{Name: "in", Streams: s}} }
	out := func(s pipeline.Streams) []pipeline.Port { return []pipeline.Port{{Name: "out", Streams: s}} }
	var runs atomic.Int32
	reg, err := pipeline.NewRegistry(
		stagetest.Stage(pipeline.Spec{Type: "rtmp", Role: pipeline.Source, Live: true, Out: out(access)}, idle),
		stagetest.Stage(pipeline.Spec{Type: "disk", Role: pipeline.Source, Out: out(access)}, idle),
		stagetest.Stage(pipeline.Spec{Type: "any", Role: pipeline.Transform}, idle),
		stagetest.Stage(pipeline.Spec{Type: "mixer", Role: pipeline.Transform, In: []pipeline.Port{{Name: "in", Many: true}, {Name: "clock", Optional: true}}}, idle),
		stagetest.Stage(pipeline.Spec{Type: "hls", Role: pipeline.Sink, In: in(access)}, idle),
		stagetest.Stage(pipeline.Spec{Type: "whep", Role: pipeline.Sink, In: in(rtp)}, idle),
		stagetest.Stage(pipeline.Spec{Type: "av1only", Role: pipeline.Sink, In: in(pipeline.Streams{Codecs: []media.Codec{media.CodecAV1}})}, idle),
		stagetest.Stage(pipeline.Spec{
			Type: "bridge", Role: pipeline.Transform,
			Converts: []pipeline.Conversion{{Name: "rtp", From: pipeline.Streams{Form: media.FormAccess}, To: pipeline.Streams{Form: media.FormRTP}, Why: "packets"}},
		}, idle),
		stagetest.Stage(pipeline.Spec{
			Type: "nob", Role: pipeline.Transform,
			Converts: []pipeline.Conversion{{
				Name: "nobframes", Kind: media.KindVideo, Why: "browsers show no B-frames",
				From: pipeline.Streams{Form: media.FormAccess}, To: pipeline.Streams{Form: media.FormAccess, Without: pipeline.BFrames},
			}},
		}, idle),
		converter(&runs),
	)
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

func describe(plan *pipeline.Plan, problems []pipeline.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s %s: %s (%s)\n", p.Stage, p.Field, p.Message, p.Hint)
	}
	if plan != nil {
		for _, n := range plan.Nodes {
			b.WriteString(n.Name)
			for _, e := range n.Edges {
				fmt.Fprintf(&b, " <- %s.%s", e.From, e.FromPort)
			}
			b.WriteString("\n")
		}
		for _, p := range plan.Notes {
			fmt.Fprintf(&b, "note %s: %s\n", p.Stage, p.Message)
		}
	}
	return b.String()
}

func TestPlans(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		adapt pipeline.Adapt
		want  string
	}{
		"simple":      {[]string{"hls hls cam", "cam rtmp"}, 0, "cam\nhls <- cam.out\n"},
		"conversions": {[]string{"cam rtmp", "a whep cam", "b whep cam", "c hls cam"}, 0, "cam\n~nobframes <- cam.out\n~opus <- ~nobframes.out\n~rtp <- ~opus.out\na <- ~rtp.out\nb <- ~rtp.out\nc <- cam.out\n"},
		"audio only adapts": {
			[]string{"cam rtmp", "a whep cam"},
			pipeline.AdaptAudio,
			"cam\n~opus <- cam.out\n~rtp <- ~opus.out\na <- ~rtp.out\nnote a: video with B-frames is left out: whep does not take it, and nothing here removes them\n",
		},
		"nothing adapts": {
			[]string{"cam rtmp", "a whep cam"},
			pipeline.AdaptNone,
			"cam\n~rtp <- cam.out\na <- ~rtp.out\nnote a: AAC is left out: whep does not take it, and nothing here converts it\nnote a: video with B-frames is left out: whep does not take it, and nothing here removes them\n",
		},
		"two producers": {[]string{"one rtmp", "two rtmp", "a whep one", "b whep two"}, pipeline.AdaptNone, "one\n~rtp <- one.out\ntwo\n~rtp-two <- two.out\na <- ~rtp.out\nb <- ~rtp-two.out\n" +
			"note a: AAC is left out: whep does not take it, and nothing here converts it\nnote a: video with B-frames is left out: whep does not take it, and nothing here removes them\nnote b: AAC is left out: whep does not take it, and nothing here converts it\nnote b: video with B-frames is left out: whep does not take it, and nothing here removes them\n"},
		"unknown type and stage": {
			[]string{"cam rtpm", "a hls cma", "b hls cam"},
			0,
			"cam use: there is no stage type \"rtpm\" (use one of any, av1only, bridge, disk, hls, mixer, nob, rtmp, test/opus, whep)\na from[0]: it reads from \"cma\", which does not exist (did you mean \"cam\"?)\n",
		},
		"cycle":            {[]string{"cam rtmp", "a any c", "b any a", "c any b"}, 0, "a from: the stages feed one another in a circle: a → c → b → a (media flows one way: remove one of these edges)\n"},
		"no input":         {[]string{"a hls"}, 0, "a from: nothing feeds a (say `from:` and the stage it reads from)\n"},
		"input of source":  {[]string{"cam rtmp", "b rtmp cam"}, 0, "b from: rtmp is a source and reads from nothing (remove `from`)\n"},
		"two into one":     {[]string{"a rtmp", "b rtmp", "c hls a b"}, 0, "c from: hls takes one input and is given 2 (read from one stage, or put a switch or a mixer in between)\n"},
		"unknown port":     {[]string{"a rtmp", "c hls a.left"}, 0, "c from[0]: a (rtmp) has no output \"left\" (name one of its outputs: out)\n"},
		"from a sink":      {[]string{"a rtmp", "b hls a", "c hls b"}, 0, "c from[0]: b (hls) has no output \"\" (name one of its outputs: )\n"},
		"no common codec":  {[]string{"a rtmp", "b av1only a"}, 0, "b from: it takes none of H.264, AAC (read from a stage that has another codec)\n"},
		"nothing declared": {nil, 0, " stages: the pipeline has no stages (declare at least a source and a sink)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			reg := planRegistry(t)
			def := definition(t, reg, c.lines...)
			def.Adapt = c.adapt
			if got := describe(pipeline.NewPlan(def, reg)); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

// choosy is a stage type whose configuration names an input.
type choosy struct{ pipeline.Factory }

func (choosy) CheckInputs(_ any, from []string) error {
	if slices.Contains(from, "cam") {
		return nil
	}
	return errors.Join(pipeline.Fieldf("first", "%q is none of %v", "cam", from).WithHint("a hint"), errors.New("and more"))
}

func TestInputsAreChecked(t *testing.T) {
	reg, err := pipeline.NewRegistry(
		stagetest.Stage(pipeline.Spec{Type: "source", Role: pipeline.Source}, idle),
		choosy{stagetest.Stage(pipeline.Spec{Type: "choosy", Role: pipeline.Sink}, idle)})
	if err != nil {
		t.Fatal(err)
	}
	pattern, _ := pipeline.ParsePattern("live/x")
	for name, want := range map[string]string{
		"cam":   "cam\nsink <- cam.out\n",
		"other": "sink with.first: \"cam\" is none of [other] (a hint)\nsink from: and more ()\n",
	} {
		got := describe(pipeline.NewPlan(&pipeline.Definition{Pattern: pattern, Stages: []pipeline.StageDef{
			{Name: name, Use: "source", Config: &stagetest.NoConfig{}},
			{Name: "sink", Use: "choosy", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: name}}},
		}}, reg))
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// An input knows what it reads from, whatever was inserted.
func TestOrigins(t *testing.T) {
	plan, problems := pipeline.NewPlan(&pipeline.Definition{Pattern: pipeline.Pattern{}, Stages: []pipeline.StageDef{
		{Name: "cam", Use: "rtmp", Config: &stagetest.NoConfig{}},
		{Name: "watch", Use: "whep", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: "cam"}}},
	}}, planRegistry(t))
	if plan == nil {
		t.Fatal(problems)
	}
	if e := plan.Nodes[len(plan.Nodes)-1].Edges[0]; e.Origin != "cam" || e.From == "cam" {
		t.Errorf("%+v", e)
	}
}

func TestBlockIsRefusedUnderALiveSource(t *testing.T) {
	reg := planRegistry(t)
	for source, want := range map[string]string{
		"rtmp": "b from[0].queue.overrun: a live source cannot wait: \"block\" would stop it for everybody (use drop_gop, drop_oldest or fail)\n",
		"disk": "a\nm <- a.out\nb <- m.out\n",
	} {
		def := definition(t, reg, "a "+source, "m any a", "b hls m")
		def.Stages[2].From[0].Queue.Overrun = ring.Block
		if got := describe(pipeline.NewPlan(def, reg)); got != want {
			t.Errorf("%s: got:\n%s", source, got)
		}
	}
}

func TestAlwaysNeedsAName(t *testing.T) {
	reg := planRegistry(t)
	def := definition(t, reg, "a rtmp", "b hls a")
	def.When = pipeline.Always
	if got := describe(pipeline.NewPlan(def, reg)); got != " when: live/{name} cannot run always: nobody says what name is (name the pipeline without {variables}, or start it when published or demanded)\n" {
		t.Error(got)
	}
}

func TestPatterns(t *testing.T) {
	for text, paths := range map[string]map[string]string{
		"live/{name}":      {"live/studio": "studio", "live/a.b": "a.b", "live": "-", "live/a/b": "-", "live/..": "-", "live/.x": "-", "live/%2e": "-", "other/studio": "-", "live/": "-"},
		"{name}":           {"studio": "studio", "": "-", "a/b": "-"},
		"live/studio":      {"live/studio": "", "live/other": "-"},
		"a/{name}/b/{who}": {"a/x/b/y": "x", "a/x/c/y": "-"},
	} {
		p, err := pipeline.ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range paths {
			vars, ok := p.Match(path)
			if got := vars["name"]; ok != (want != "-") || (ok && got != want) {
				t.Errorf("%s on %q: %v, %v", text, path, vars, ok)
			}
		}
	}
	for _, text := range []string{"", "/live", "live/", "live//x", "{Name}", "{a}/{a}", "a/b/c/d/e", "live/{name}.x", strings.Repeat("x", 65), "li ve"} {
		if _, err := pipeline.ParsePattern(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
	static, _ := pipeline.ParsePattern("live/news")
	template, _ := pipeline.ParsePattern("live/{name}")
	if static.Compare(template) >= 0 || template.Compare(static) <= 0 {
		t.Error("a static path must come before a template")
	}
}

func TestSecretsStaySecret(t *testing.T) {
	s := pipeline.NewSecret("cnry_42")
	text, err := s.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s), string(text), s.LogValue().String(), fmt.Sprintf("%+v", struct{ S pipeline.Secret }{s})} {
		if strings.Contains(shown, "cnry") {
			t.Errorf("it shows in %s", shown)
		}
	}
	if !s.Equal("cnry_42") || s.Equal("cnry_4") || s.Equal("") || (pipeline.Secret{}).Equal("") {
		t.Error("comparison")
	}
}
