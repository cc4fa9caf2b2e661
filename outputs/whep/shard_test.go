package whep

import (
	"log/slog"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/service/rtc/egress"
)

// Sound alone does not make a shard turn before the beat; pictures, commands and another
// line-up do.
func TestPressing(t *testing.T) {
	sound := newFlow(&media.Track{ID: "a", Codec: media.CodecOpus}, 0)
	video := newFlow(&media.Track{ID: "v", Codec: media.CodecH264, Rate: media.VideoRate}, 0)
	f := newFeed()
	s := &shard{feed: f, lineup: f.now.Load(), lanes: []*lane{{flow: sound}, {flow: video}}, wake: make(chan struct{}, 1)}
	want := func(after string, pressing bool) {
		t.Helper()
		if got := s.pressing(); got != pressing {
			t.Errorf("%s: pressing is %v", after, got)
		}
	}
	want("nothing", false)
	sound.head.Add(1)
	want("sound", false)
	video.head.Add(1)
	want("a picture", true)
	s.lanes[1].next++
	want("the picture was sent", false)
	s.send(command{})
	want("a command", true)
	s.mail = nil
	f.now.Store(&lineup{})
	want("a line-up", true)
}

// All beats are at the same moments, and none is now.
func TestBeat(t *testing.T) {
	at := time.Unix(1000, 0)
	for since, rest := range map[time.Duration]time.Duration{0: beat, 1: beat - 1, beat - 1: 1, beat: beat} {
		if got := untilBeat(at.Add(since)); got != rest {
			t.Errorf("%v after a beat it is %v to the next", since, got)
		}
	}
}

// What came late, all at once, is skipped, but it is no reason to let nobody in: only a
// shard that has not had its turn for long has too much to do.
func TestLateness(t *testing.T) {
	now := time.Unix(1000, 0)
	for since, late := range map[time.Duration]bool{beat: false, mostBehind: true} {
		track := &media.Track{ID: "a", Codec: media.CodecOpus, Rate: media.OpusRate}
		l := &lane{flow: newFlow(track, 0), legs: []*leg{{stream: &egress.Stream{}, lane: &lane{}}}}
		for _, age := range []time.Duration{2 * mostBehind, 0} {
			l.flow.push(&media.Unit{Track: track, Arrived: now.Add(-age), RTP: &media.RTP{}})
		}
		s := &shard{house: &house{env: pipeline.Env{Log: slog.New(slog.DiscardHandler)}}, turned: now.Add(-since)}
		s.keepUp(l, 2, now)
		if l.next != 2 {
			t.Errorf("%v after the last turn it goes on at %d", since, l.next)
		}
		if got := !s.house.lateness.IsZero(); got != late {
			t.Errorf("%v after the last turn it is late: %v", since, got)
		}
	}
}
