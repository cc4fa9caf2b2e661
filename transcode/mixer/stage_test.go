package mixer_test

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/pipeline/media"
	"weir/pipeline/stagetest"
	"weir/transcode/mixer"
	"weir/transcode/worker"
	"weir/transcode/worker/workertest"
)

func TestMain(m *testing.M) {
	if code, done := workertest.Become(); done {
		os.Exit(code)
	}
	goleak.VerifyTestMain(m)
}

func TestStage(t *testing.T) {
	stagetest.Run(t, mixer.Factory(worker.NewHost(worker.Config{Path: workertest.Program(t)}), t.TempDir()), stagetest.Options{})
}

func TestScripts(t *testing.T) {
	const (
		alone = "a 0,0 1280x720"
		both  = "a 0,0 640x720 | b 640,0 640x720"
		three = "a 0,0 640x360 | b 640,0 640x360 | c 320,360 640x360"
	)
	for name, c := range map[string]struct{ script, want, participants string }{
		"one":                     {"+a 1s", alone, "a shown"},
		"another joins":           {"+a 1s +b 1s", both, "a shown, b shown"},
		"in order of from":        {"+b 1s +a 1s", both, "a shown, b shown"},
		"three":                   {"+a +b +c 1s", three, "a shown, b shown, c shown"},
		"one stalls":              {"+a +b 1s -b 3s", "a 0,0 640x720 | b 640,0 640x720 *", "a shown, b stalled"},
		"one is silent for long":  {"+a +b 1s -b 11s", alone, "a shown, b absent"},
		"one comes back":          {"+a +b 1s -b 11s +b 1s", both, "a shown, b shown"},
		"one comes back in time":  {"+a +b 1s -b 5s +b 1s", both, "a shown, b shown"},
		"one ends":                {"+a +b 1s /b 1s", alone, "a shown"},
		"guests of one input":     {"+a b:x,y 1s", "a 0,0 640x360 | b/x 640,0 640x360 * | b/y 320,360 640x360 *", "a shown, b/x shown, b/y shown"},
		"a guest goes":            {"+a b:x,y 1s b:y 1s", "a 0,0 640x720 | b/y 640,0 640x720 *", "a shown, b/y shown"},
		"all are silent for long": {"+a 1s -a 15s", "a 0,0 1280x720", "a absent"}, // as no picture was made since
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, "mix", defaults())
				s.script(c.script)
				canvas, participants := s.canvas(), s.participants()
				s.stop()
				if canvas != c.want || participants != c.participants {
					t.Errorf("%q shows %q, %q;\nwant %q, %q", c.script, canvas, participants, c.want, c.participants)
				}
				rises(t, s)
			})
		})
	}
}

// rises wants one set of tracks and times that rise.
func rises(t *testing.T, s *studio) {
	t.Helper()
	sets := 0
	last := make(map[media.TrackID]media.Ticks)
	for _, it := range s.sink.Items() {
		switch it := it.(type) {
		case *media.TrackSet:
			sets++
		case *media.Unit:
			if at, ok := last[it.Track.ID]; ok && it.DTS <= at {
				t.Errorf("%s: DTS %d after %d", it.Track.ID, it.DTS, at)
			}
			last[it.Track.ID] = it.DTS
		}
	}
	if sets != 1 || len(last) != 2 {
		t.Errorf("%d sets of tracks, units of %d tracks", sets, len(last))
	}
}

// Who speaks stands out.
func TestSpeaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := defaults()
		c.Layout = "speaker"
		s := open(t, "mix", c)
		for _, step := range []struct{ script, want string }{
			{"+a +b 1s", "a 0,72 1024x576 | b 1024,288 256x144"},
			{"b=-20 1s", "a 1024,288 256x144 | b 0,72 1024x576"},
			{"a=-20 2s", "a 1024,288 256x144 | b 0,72 1024x576"},
			{"b=-60 2s", "a 0,72 1024x576 | b 1024,288 256x144"},
		} {
			s.script(step.script)
			if got := s.canvas(); got != step.want {
				t.Errorf("after %q: %s, want %s", step.script, got, step.want)
			}
		}
		if who := s.status().Speaker; who != "a" {
			t.Errorf("%q speaks", who)
		}
		s.stop()
	})
}

// Another layout, labels and gains come into the running programme.
func TestReconfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := defaults()
		s := open(t, "mix", c)
		s.script("+a +b 1s")
		pid := s.status().Worker.PID
		c.Layout, c.Inputs = "grid", map[string]mixer.Input{"a": {Gain: -6, Label: "Studio"}, "b": {Mute: true}}
		s.graph.Apply(s.plan(c))
		s.script("100ms")
		if got, want := s.canvas(), "a 0,180 640x360 * | b 640,180 640x360"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if now := s.status(); now.Worker.PID != pid || !now.Participants[1].Mute {
			t.Errorf("%+v, and the worker was %d", now, pid)
		}
		c.Size.Height = 480 // which takes another worker
		s.graph.Apply(s.plan(c))
		s.script("1s +a +b 1s")
		if now := s.status(); now.Worker == nil || now.Worker.Falls != 0 || now.Participants[0].State != "shown" {
			t.Errorf("%+v", now)
		}
		s.stop()
	})
}

// A worker that falls costs a moment of the programme, and no change of tracks.
func TestWorkerFalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, "mix!crash=150", defaults())
		s.script("+a +b 1s")
		before := s.canvas()
		s.script("+a +b 1s") // it is given a hundred units a second
		if falls := s.status().Worker.Falls; falls != 1 {
			t.Errorf("it fell %d times", falls)
		}
		if after := s.canvas(); after != before || before == "" {
			t.Errorf("%q became %q", before, after)
		}
		s.stop()
		rises(t, s)
		var last *media.Unit
		marked := 0
		for _, u := range s.sink.Units() {
			if u.Kind() != media.KindVideo {
				continue
			}
			if last != nil && u.Time()-last.Time() > 3*time.Second {
				t.Errorf("a gap of %v", u.Time()-last.Time())
			}
			if u.Flags.Has(media.Discontinuity) {
				marked++
			}
			last = u
		}
		if marked == 0 {
			t.Error("no discontinuity")
		}
	})
}
