package rtmp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/bitstream/flv"
	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
	"weir/pipeline/stagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// encoder is a Publisher that is fed by a test.
type encoder struct {
	request  rtmpd.Request
	messages chan rtmpd.Message
	once     sync.Once
	closed   chan struct{}
	why      error // once closed is
	pace     atomic.Int64
}

func newEncoder(name string) *encoder {
	return &encoder{
		request:  rtmpd.Request{Path: "live/studio", Encoder: name, Remote: netip.MustParseAddrPort("192.0.2.1:5000")},
		messages: make(chan rtmpd.Message),
		closed:   make(chan struct{}),
	}
}

func (e *encoder) Request() rtmpd.Request { return e.request }

func (e *encoder) Recv(ctx context.Context) (rtmpd.Message, error) {
	select {
	case m, ok := <-e.messages:
		if !ok {
			return rtmpd.Message{}, io.EOF
		}
		return m, nil
	case <-e.closed:
		return rtmpd.Message{}, e.why
	case <-ctx.Done():
		return rtmpd.Message{}, ctx.Err()
	}
}

func (e *encoder) Pace(d time.Duration) { e.pace.Store(int64(d)) }

func (e *encoder) Close(why error) {
	e.once.Do(func() {
		if e.why = why; why == nil {
			e.why = errors.New("closed")
		}
		close(e.closed)
	})
}

// send sends tags at their times, moved by shift ms; false if it was closed.
func (e *encoder) send(tags []flv.Tag, shift uint32) bool {
	began := time.Now()
	for _, tag := range tags {
		time.Sleep(time.Until(began.Add(time.Duration(tag.Timestamp) * time.Millisecond)))
		if !e.message(tag, shift) {
			return false
		}
	}
	return true
}

func (e *encoder) message(tag flv.Tag, shift uint32) bool {
	m := rtmpd.Message{
		Type: uint8(tag.Type), Timestamp: tag.Timestamp + shift, Payload: bytes.Clone(tag.Payload), Arrived: time.Now(),
	}
	select {
	case e.messages <- m:
		return true
	case <-e.closed:
		return false
	}
}

// readTags reads a clip.
func readTags(t testing.TB, name string) []flv.Tag {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../testdata/media", name))
	if err != nil {
		t.Fatal(err)
	}
	r, err := flv.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var tags []flv.Tag
	for {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) {
			return tags
		}
		if err != nil {
			t.Fatal(err)
		}
		tags = append(tags, tag)
	}
}

// only are the tags of one type.
func only(tags []flv.Tag, typ flv.Type) []flv.Tag {
	return slices.DeleteFunc(slices.Clone(tags), func(t flv.Tag) bool { return t.Type != typ })
}

// until are the tags before a time in ms.
func until(tags []flv.Tag, ms uint32) []flv.Tag {
	return slices.DeleteFunc(slices.Clone(tags), func(t flv.Tag) bool { return t.Timestamp >= ms })
}

// studio is a running pipeline at live/studio with a collecting sink.
type studio struct {
	t      *testing.T
	door   *Door
	policy access.Policy
	graph  *pipeline.Graph
	sink   *stagetest.Collector
	ended  chan struct{}
	log    *bytes.Buffer // complete once ended is closed
}

func newStudio(ctx context.Context, t *testing.T, when pipeline.When, c Config) *studio {
	t.Helper()
	s := &studio{t: t, door: &Door{}, policy: access.Keys{}, sink: &stagetest.Collector{}, ended: make(chan struct{}), log: &bytes.Buffer{}}
	f := Factory(s.door)
	reg, err := pipeline.NewRegistry(f, s.sink.Factory())
	if err != nil {
		t.Fatal(err)
	}
	pattern, err := pipeline.ParsePattern("live/{name}")
	if err != nil {
		t.Fatal(err)
	}
	plan, problems := pipeline.NewPlan(&pipeline.Definition{Pattern: pattern, When: when, Stages: []pipeline.StageDef{
		{Name: "cam", Use: "ingest/rtmp", Config: &c, Restart: pipeline.RestartNever},
		{Name: "sink", Use: "test/sink", Config: &stagetest.NoConfig{}, From: []pipeline.From{{Stage: "cam"}}},
	}}, reg)
	if plan == nil {
		t.Fatal(problems)
	}
	announcer, ok := f.(pipeline.Announcer)
	if !ok {
		t.Fatal("the factory announces nothing")
	}
	withdraw, err := announcer.Announce(pipeline.Announcement{
		Pattern: pattern, When: when, Config: &c, Wake: func(string) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(withdraw)
	s.graph = pipeline.NewGraph(plan, pipeline.Options{
		Path: "live/studio", Log: slog.New(slog.NewTextHandler(io.MultiWriter(s.log, t.Output()), nil)),
	})
	go func() {
		defer close(s.ended)
		s.graph.Run(ctx)
	}()
	return s
}

// enter brings a publisher in.
func (s *studio) enter(p Publisher) {
	s.t.Helper()
	if err := enter(s.t.Context(), s.door, s.policy, p); err != nil {
		s.t.Fatal(err)
	}
}

// status is what the stage shows.
func (s *studio) status() Status {
	for _, st := range s.graph.Snapshot().Stages {
		if got, ok := st.Detail.(Status); ok {
			return got
		}
	}
	return Status{}
}

// check asserts what every stream must keep, and describes it: sets of tracks and
// numbers of units between them, with D and G for discontinuities and gaps.
func (s *studio) check() string {
	s.t.Helper()
	var b strings.Builder
	last := map[media.TrackID]media.Ticks{}
	counts := map[media.TrackID]int{}
	var inForce *media.TrackSet
	flush := func() {
		for _, id := range []media.TrackID{"video", "audio"} {
			if counts[id] > 0 {
				fmt.Fprintf(&b, " %d %s", counts[id], id)
			}
		}
		clear(counts)
	}
	for _, item := range s.sink.Items() {
		switch it := item.(type) {
		case *media.TrackSet:
			flush()
			inForce = it
			fmt.Fprint(&b, " [")
			for i, t := range it.Tracks {
				fmt.Fprint(&b, strings.Repeat(" ", min(i, 1)), t.Codec)
			}
			fmt.Fprint(&b, "]")
		case *media.Unit:
			if inForce.Track(it.Track.ID) != it.Track {
				s.t.Errorf("a unit of track %s that is not in force", it.Track.ID)
			}
			if prev, ok := last[it.Track.ID]; ok && it.DTS <= prev || it.PTS < it.DTS || it.DTS < 0 {
				s.t.Errorf("%s: DTS %d after %d, PTS %d", it.Track.ID, it.DTS, prev, it.PTS)
			}
			last[it.Track.ID] = it.DTS
			if it.Flags.Has(media.Discontinuity) {
				flush()
				fmt.Fprintf(&b, " D:%s", it.Track.ID)
			}
			if it.Flags.Has(media.Gap) {
				flush()
				fmt.Fprintf(&b, " G:%s", it.Track.ID)
			}
			counts[it.Track.ID]++
		}
	}
	flush()
	return strings.TrimSpace(b.String())
}

func remote(t *testing.T, s string) netip.AddrPort {
	t.Helper()
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
