package pipeline

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"weir/pipeline/invariants"
	"weir/pipeline/media"
	"weir/pipeline/ring"
)

// Output is a stage's end of all edges that read from one of its ports. It outlives
// the run of a stage: consumers keep their places when the stage is restarted.
type Output struct {
	port     string
	ring     *ring.Ring
	feedback *merger
	version  uint64
	runs     int
	clocks   []clock
	late     atomic.Uint64
}

// clock remembers where a track and layer is in time.
type clock struct {
	layer layerKey
	last  media.Ticks // DTS of the last unit sent
	rate  media.Rate  // its clock, which may change with the track's parameters
	run   int         // run of the stage that sent it
}

type layerKey struct {
	track media.TrackID
	layer int8
}

func newOutput(port string) *Output {
	return &Output{
		port:     port,
		ring:     ring.New(ring.Bounds{Duration: DefaultHold, Bytes: DefaultBytes}),
		feedback: newMerger(),
	}
}

// SetTracks publishes the tracks of the units that follow. It must precede the
// first unit. The set's Version is raised as needed; a set with the tracks of the
// one in force changes nothing. Not concurrently with Send.
func (o *Output) SetTracks(s *media.TrackSet) {
	if now := o.ring.Tracks(); now != nil && slices.Equal(now.Tracks, s.Tracks) {
		return
	}
	o.version = max(o.version+1, s.Version)
	// Only a consumer that blocks can delay this, and that edge has no live source.
	_ = o.ring.Push(context.Background(), &media.TrackSet{Version: o.version, Tracks: slices.Clone(s.Tracks)})
}

// Send publishes a unit, which belongs to all consumers from now on and must not
// be changed. It returns at once, unless a consumer's policy is to block; then it
// may return ctx's error. Not concurrently with itself.
//
// Consumers can rely on time: an access unit whose DTS does not rise above the
// last one of its track and layer is dropped and counted, and the first unit of
// each track after a restart of the stage is marked as a Discontinuity.
func (o *Output) Send(ctx context.Context, u *media.Unit) error {
	if invariants.Enabled {
		o.check(u)
	}
	if u = o.inOrder(u); u == nil {
		return nil
	}
	if u.Flags.Has(media.Key) && u.Kind() == media.KindVideo {
		o.feedback.sent(u)
	}
	return o.ring.Push(ctx, u)
}

// Feedback is what the consumers want of the producer, merged over all of them: at
// most one keyframe request per track and layer in any 500 ms, the lowest of the
// bitrate hints, and a layer is wanted if anybody wants it or has said nothing. Whoever does not read it
// loses nothing but the requests.
func (o *Output) Feedback() <-chan media.Feedback { return o.feedback.out }

// Patience is how late all consumers are content to get what is sent (see Input.Nap);
// 0 if one is not, or there is none. What stands between a source and such consumers may
// nap as well.
func (o *Output) Patience() time.Duration { return o.feedback.patience() }

// Bytes is the payload ever sent, in bytes.
func (o *Output) Bytes() uint64 { return uint64(max(0, o.ring.Stats().Bytes)) }

// begin notes that another run of the stage starts to write.
func (o *Output) begin() { o.runs++ }

func (o *Output) close() {
	o.ring.Close()
	o.feedback.close()
}

// inOrder is u, marked if it is the first after a restart, or nil if it is late.
func (o *Output) inOrder(u *media.Unit) *media.Unit {
	k := layerKey{u.Track.ID, u.Layer}
	i := slices.IndexFunc(o.clocks, func(c clock) bool { return c.layer == k })
	if i < 0 {
		o.clocks = append(o.clocks, clock{k, u.DTS, u.Track.Rate, o.runs})
		return u
	}
	c := &o.clocks[i]
	if u.DTS <= media.Rescale(c.last, c.rate, u.Track.Rate) && u.Track.Form == media.FormAccess {
		o.late.Add(1)
		return nil
	}
	if c.run != o.runs && !u.Flags.Has(media.Discontinuity) {
		marked := *u
		marked.Flags |= media.Discontinuity
		u = &marked
	}
	c.last, c.rate, c.run = u.DTS, u.Track.Rate, o.runs
	return u
}

// check asserts what Unit promises.
func (o *Output) check(u *media.Unit) {
	invariants.Assert(u.Track != nil, "a unit without a track on %s", o.port)
	invariants.Assert(o.ring.Tracks().Track(u.Track.ID) == u.Track, "track %s is not in the set in force", u.Track.ID)
	invariants.Assert(u.PTS >= u.DTS, "track %s: PTS %d before DTS %d", u.Track.ID, u.PTS, u.DTS)
	invariants.Assert((u.Access != nil) == (u.Track.Form == media.FormAccess), "track %s: not in its form", u.Track.ID)
}
