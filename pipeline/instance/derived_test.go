package instance_test

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"

	"weir/pipeline"
	"weir/pipeline/instance"
	"weir/pipeline/media"
	"weir/pipeline/stagetest"
)

// TestAStreamMovesToItsOwnDefinition: stages come to one stream and go again, and nothing
// else of it, and no other stream, notices.
func TestAStreamMovesToItsOwnDefinition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept, extra stagetest.Collector
		feed := make(chan media.Item)
		extraSink := retyped{extra.Factory(), "test/extra"}
		wakes := make(map[string]func(string) error)
		source := announced{stagetest.Source(nil, feed), func(a pipeline.Announcement) (func(), error) {
			wakes[a.Pattern.String()] = a.Wake
			return func() { delete(wakes, a.Pattern.String()) }, nil
		}}
		reg, err := pipeline.NewRegistry(source, kept.Factory(), extraSink)
		if err != nil {
			t.Fatal(err)
		}
		pattern, err := pipeline.ParsePattern("live/{name}")
		if err != nil {
			t.Fatal(err)
		}
		plan := func(p pipeline.Pattern, more ...string) *pipeline.Plan {
			def := &pipeline.Definition{Pattern: p, Stages: []pipeline.StageDef{
				{Name: "cam", Use: "test/source", Config: &stagetest.NoConfig{}},
				{Name: "out", Use: "test/sink", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: "cam"}}},
			}}
			for _, name := range more {
				def.Stages = append(def.Stages, pipeline.StageDef{Name: name, Use: "test/extra", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: "cam"}}})
			}
			plan, problems := pipeline.NewPlan(def, reg)
			if plan == nil {
				t.Fatal(problems)
			}
			return plan
		}
		h := instance.NewHost(instance.Options{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
		apply := func(plans ...*pipeline.Plan) {
			t.Helper()
			if err := h.Apply(plans); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		template := plan(pattern)
		apply(template)
		if err := wakes["live/{name}"]("live/studio"); err != nil {
			t.Fatal(err)
		}
		track := &media.Track{ID: "video", Codec: media.CodecH264, Form: media.FormAccess, Rate: 90000, Layers: []media.Layer{{}}}
		feed <- &media.TrackSet{Version: 1, Tracks: []*media.Track{track}}
		sent := 0
		send := func() {
			u := &media.Unit{Track: track, DTS: media.Ticks(sent * 3000), PTS: media.Ticks(sent * 3000), Flags: media.Key | media.FrameEnd, Access: [][]byte{{1}}}
			feed <- u
			sent++
			synctest.Wait()
		}
		send()
		before := h.Snapshots()[0]
		own := pattern.Bind("live/studio")
		for range 100 {
			apply(template, plan(own, "more"))
			if s := h.Snapshots()[0]; len(s.Stages) != 3 || s.Pattern != "live/{name}" {
				t.Fatalf("%+v", s)
			}
			send()
			apply(template, plan(own, "more", "and-more"))
			send()
			apply(template)
			if s := h.Snapshots()[0]; len(s.Stages) != 2 {
				t.Fatalf("%+v", s)
			}
			send()
		}
		if got := len(kept.Units()); got != sent {
			t.Errorf("%d units of %d", got, sent)
		}
		for _, u := range kept.Units() {
			if u.Flags.Has(media.Discontinuity) {
				t.Error("the source was started anew")
			}
		}
		if got := len(extra.Units()); got < 300 {
			t.Errorf("what was added got %d units", got)
		}
		after := h.Snapshots()[0]
		if !after.Epoch.Equal(before.Epoch) || !after.Stages[0].Since.Equal(before.Stages[0].Since) || len(after.Stages[0].Restarts)+len(after.Stages[1].Restarts) > 0 {
			t.Errorf("%+v, before %+v", after, before)
		}
		// Another stream has the template; one that wakes later has its own from the start.
		apply(template, plan(own, "more"), plan(pattern.Bind("live/later"), "more"))
		for _, path := range []string{"live/other", "live/later"} {
			if err := wakes["live/{name}"](path); err != nil { // by whichever door
				t.Fatal(err)
			}
		}
		synctest.Wait()
		var got []string
		for _, s := range h.Snapshots() {
			got = append(got, fmt.Sprint(s.Path, " ", len(s.Stages)))
		}
		if want := "[live/later 3 live/other 2 live/studio 3]"; fmt.Sprint(got) != want {
			t.Errorf("%v, want %s", got, want)
		}
		// Without the template nothing serves the others.
		apply(plan(own, "more"))
		if s := h.Snapshots(); len(s) != 1 || s[0].Path != "live/studio" {
			t.Errorf("%+v", s)
		}
		if err := h.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// retyped is a factory under another name.
type retyped struct {
	pipeline.Factory
	use string
}

func (r retyped) Spec() *pipeline.Spec {
	spec := *r.Factory.Spec()
	spec.Type = r.use
	return &spec
}
