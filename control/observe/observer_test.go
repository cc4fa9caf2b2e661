package observe

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline"
	"weir/pipeline/instance"
	"weir/pipeline/media"
)

// studio shows a stream of a camera and a push, as its tests want it.
type studio struct {
	t    *testing.T
	snap instance.Snapshot
	off  bool
	o    *Observer
	r    *Reader
}

func tracks() *media.TrackSet {
	return &media.TrackSet{Tracks: []*media.Track{
		{ID: "video", Codec: media.CodecH264, Form: media.FormAccess, Rate: media.VideoRate, Layers: []media.Layer{{Width: 1920, Height: 1080, FPS: 29.97002}}},
		{ID: "audio", Codec: media.CodecAAC, Rate: 44100, Channels: 2},
		{ID: "audio2", Codec: media.CodecOpus, Rate: 48000, Channels: 2},
	}}
}

func newStudio(t *testing.T) *studio {
	t.Helper()
	s := &studio{t: t, snap: instance.Snapshot{
		Pattern: "live/{name}",
		Snapshot: pipeline.Snapshot{
			Path: "live/a", Epoch: time.Now(),
			Stages: []pipeline.StageSnapshot{
				{
					Name: "cam", Use: "ingest/any", Role: pipeline.Source, State: pipeline.Running, Since: time.Now(),
					Outputs: []pipeline.OutputSnapshot{{Port: "out", Tracks: tracks()}},
				},
				{Name: "push", Use: "outputs/any", Role: pipeline.Sink, State: pipeline.Running, Since: time.Now()},
			},
			Edges: []pipeline.EdgeSnapshot{{From: "cam", FromPort: "out", To: "push", Port: "in"}},
		},
	}}
	log := NewLog()
	s.o, s.r = New(s.show, Ways{Watch: []Way{{"outputs/quick", "quick"}, {"outputs/any", "any"}}, Publish: []string{"ingest/any"}}, log), log.Tail()
	return s
}

// show is a deep enough copy.
func (s *studio) show() []instance.Snapshot {
	if s.off {
		return nil
	}
	c := s.snap
	c.Stages = append([]pipeline.StageSnapshot{}, c.Stages...)
	c.Stages[0].Outputs = append([]pipeline.OutputSnapshot{}, c.Stages[0].Outputs...)
	c.Edges = append([]pipeline.EdgeSnapshot{}, c.Edges...)
	return []instance.Snapshot{c}
}

// flow has n units of 1000 bytes come, every other one a picture, of which some are taken,
// and lets a second pass.
func (s *studio) flow(n, taken uint64) GraphEdge {
	s.t.Helper()
	time.Sleep(time.Second)
	out, e := &s.snap.Stages[0].Outputs[0], &s.snap.Edges[0]
	out.Units += n
	out.Bytes += int64(n) * 1000
	e.Units += taken
	e.Bytes += taken * 1000
	e.Pictures += taken / 2
	e.Queued += int(n - taken)
	return s.o.Now().Graph("live/a").Edges[0]
}

// stream is what is said of the stream now.
func (s *studio) stream() Stream {
	s.o.Now()
	return s.o.Stream(&s.show()[0])
}

func (s *studio) expect(want string) {
	s.t.Helper()
	events, _, _ := s.r.Take()
	if got := kinds(events); got != want {
		s.t.Errorf("events %q, want %q", got, want)
	}
}

func TestRatesAndWhyNothingFlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		s.flow(0, 0)
		if e := s.flow(30, 30); e.Rate != 30 || e.FPS != 15 || e.Bitrate != 240_000 || e.Stalled || e.Dropping {
			t.Errorf("flows: %+v", e)
		}
		if st := s.stream(); st.Bitrate != 240_000 || st.Summary != "H.264 1080p29.97 + AAC 44.1 kHz + 1 more" || st.Verdict != "ok" {
			t.Errorf("%+v", st)
		} else if len(st.Watch) != 1 || st.Watch[0] != "any" || !st.Publish || !st.HasStill || st.Recording {
			t.Errorf("%+v", st)
		}
		s.snap.Edges[0].Overran += 7
		if e := s.flow(30, 23); !e.Dropping || e.Why != "push is too slow: 7 units were dropped in the last second" || e.Dropped.Overrun != 7 {
			t.Errorf("drops: %+v", e)
		}
		s.snap.Edges[0].Queued = 0
		s.flow(0, 0)
		if e := s.flow(0, 0); !e.Stalled || e.Why != "nothing has come from cam for 2 s" || e.Rate != 0 {
			t.Errorf("silent: %+v", e)
		}
		if e := s.flow(30, 30); e.Stalled || e.Why != "" {
			t.Errorf("again: %+v", e)
		}
		s.flow(30, 0)
		if e := s.flow(30, 0); !e.Stalled || e.Why != "push has taken nothing for 2 s" {
			t.Errorf("stuck: %+v", e)
		}
		s.snap.Stages[1].State = pipeline.Waiting
		if e := s.flow(30, 0); !e.Stalled || e.Why != "push is waiting" {
			t.Errorf("failed: %+v", e)
		}
		s.snap.Stages[0].State = pipeline.Paused
		if e := s.flow(30, 0); e.Stalled || e.Why != "nobody needs it now" {
			t.Errorf("paused: %+v", e)
		}
	})
}

// Asking often changes no rates, and costs a Sample in a tenth of a second at most.
func TestAskingOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		s.flow(0, 0)
		s.flow(30, 30)
		first := s.o.Now()
		if s.o.Now() != first {
			t.Error("two Samples at once")
		}
		time.Sleep(200 * time.Millisecond)
		s.snap.Edges[0].Units++
		g := s.o.Now().Graph("live/a")
		if g.Edges[0].Units != 31 || g.Edges[0].Rate != 30 {
			t.Errorf("%+v", g.Edges[0])
		}
		if len(g.Nodes) != 2 || g.Nodes[1].Column != 1 || g.Nodes[0].Tracks[0].Summary != "H.264 1080p29.97" {
			t.Errorf("%+v", g.Nodes)
		}
	})
}

func TestChangesAreEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		push := &s.snap.Stages[1]
		s.flow(30, 30)
		s.expect("")
		fail := func() {
			push.Failure = &pipeline.Error{Kind: pipeline.Transient, Err: errors.New("disk full\nstack")}
			push.Restarts = map[pipeline.Kind]uint64{pipeline.Transient: push.Restarts[pipeline.Transient] + 1}
			push.State, push.Since = pipeline.Running, time.Now()
		}
		fail() // and it ran again before anybody looked
		s.flow(30, 30)
		events, _, _ := s.r.Take()
		if kinds(events) != "stage.failed" || events[0].Data.(Failure).Message != "disk full" || events[0].Stage != "push" {
			t.Fatalf("%+v", events)
		}
		fail()
		s.flow(30, 30)
		s.expect("") // it is known to fail
		for range 3 {
			s.flow(30, 30)
		}
		s.expect("")
		for range 3 {
			s.flow(30, 30)
		}
		s.expect("stage.recovered")
		b := pipeline.Finding{Rule: "gop", Severity: pipeline.Doubtful, Message: "m", Fix: "f"}
		push.Report = pipeline.Report{State: "live", Findings: []pipeline.Finding{b}}
		s.flow(30, 30)
		s.expect("stream.lint")
		if st := s.stream(); st.Verdict != "warning" || st.Findings[0].Target != "push" || st.Outputs[0].State != "live" {
			t.Errorf("%+v", st)
		}
		push.Report.Findings = nil
		push.Report.State = "paused"
		if !s.stream().Recording {
			t.Error("a recording that has paused is not under way")
		}
		s.flow(30, 30)
		events, _, _ = s.r.Take()
		if kinds(events) != "stream.lint" || !events[0].Data.(Lint).Resolved {
			t.Errorf("%+v", events)
		}
		push.Report.State, push.Report.Reason, push.Report.Message = "backoff", "timeout", "the target does not answer"
		s.flow(30, 30)
		if st := s.stream(); st.Verdict != "error" || st.Findings[0].Rule != "output_timeout" || st.Outputs[0].Reason != "timeout" {
			t.Errorf("%+v", st)
		}
		push.State = pipeline.Waiting
		s.flow(30, 0)
		if st := s.stream(); st.Verdict != "error" || st.Outputs[0].State != "waiting" || st.Outputs[0].Reason != "transient" {
			t.Errorf("%+v", st)
		}
		s.off = true
		time.Sleep(time.Second)
		if s.o.Now().Graph("live/a") != nil || len(s.o.streams) != 0 {
			t.Error("a stream that is gone is remembered")
		}
	})
}

func TestSummaries(t *testing.T) {
	for want, track := range map[string]*media.Track{
		"AV1 720p60 (2 layers)": {Codec: media.CodecAV1, Layers: []media.Layer{{Width: 1280, Height: 720, FPS: 60}, {Width: 640, Height: 360}}},
		"VP8":                   {Codec: media.CodecVP8, Layers: []media.Layer{{}}},
		"H.265 1080p50":         {Codec: media.CodecH265, Layers: []media.Layer{{Width: 1080, Height: 1920, FPS: 50}}},
		"Opus 48 kHz mono":      {Codec: media.CodecOpus, Rate: 48000, Channels: 1},
	} {
		if got := TrackSummary(track); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := Summary(nil); got != "" {
		t.Error(got)
	}
	if got := firstLine(strings.Repeat("ä", 200) + "\nb"); len(got) != 300 {
		t.Error(len(got))
	}
}
