package whep

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"weir/outputs/whep/estimate"
	"weir/outputs/whep/negotiate"
	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/service/rtc/egress"
)

const (
	// perShard is how many viewers a shard has before another is made.
	perShard  = 150
	maxShards = 16
	// idleAfter is how long a stage without viewers keeps its conversions running.
	idleAfter = 5 * time.Second
	// overloadFor is how long nobody is let in after a shard was late.
	overloadFor = 5 * time.Second
)

// The reasons for refusing viewers, beside those of the engine.
var (
	errFull       = errors.New("there are as many viewers as there may be")
	errOverloaded = errors.New("the server has more viewers than it can serve in time")
	errEnded      = errors.New("the stream has just ended")
)

// house is one run of the stage: what is on, and who watches. Its methods may be
// called from any goroutine.
type house struct {
	cfg    Config
	env    pipeline.Env
	engine *egress.Engine
	feed   *feed
	in     *pipeline.Input
	ports  *pipeline.Ports
	began  time.Time
	serve  func(*shard) // runs a shard on a goroutine of its own
	tally  *tally

	perShard int32 // for tests

	mu       sync.Mutex // guards what follows
	shards   []*shard
	sessions map[*egress.Session]*seat
	byID     map[string]*seat
	closed   bool
	idle     *time.Timer // runs while there is nobody
	unwanted bool        // the source was told so
	lateness time.Time   // the last time that a shard was late
	layers   map[layerKey]*use
}

// seat is one session as HTTP sees it.
type seat struct {
	id      string // its address
	name    string // for operators
	guest   guest
	since   time.Time
	rate    *atomic.Int64 // what is sent, in bit/s
	session *egress.Session
	shard   *shard
	streams []negotiate.Stream
	ufrag   string // the viewer's

	mu      sync.Mutex // guards what follows
	etag    string
	patches int
	wanted  string // the layer
}

func newHouse(ctx context.Context, fail func(error), cfg Config, env pipeline.Env, engine *egress.Engine, p *pipeline.Ports) (*house, *sync.WaitGroup) {
	var running sync.WaitGroup
	h := &house{
		cfg: cfg, env: env, engine: engine, feed: newFeed(), in: p.In("in"), ports: p, began: time.Now(),
		tally: newTally(), sessions: make(map[*egress.Session]*seat), byID: make(map[string]*seat),
		layers: make(map[layerKey]*use), perShard: perShard, unwanted: true,
	}
	h.serve = func(s *shard) { running.Go(func() { s.guard(ctx, fail) }) }
	h.rest()
	return h, &running
}

// ask passes a wish on to the source.
func (h *house) ask(f media.Feedback) { h.in.Ask(f) }

// poke tells those shards that have viewers that there is something new.
func (h *house) poke(to []*shard) []*shard {
	h.mu.Lock()
	to = append(to[:0], h.shards...)
	h.mu.Unlock()
	for _, s := range to {
		if s.members.Load() > 0 {
			s.poke()
		}
	}
	return to
}

// rest starts the time after which nothing is wanted any more. The caller holds h.mu
// or has h to itself.
func (h *house) rest() {
	h.idle = time.AfterFunc(idleAfter, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if len(h.sessions) == 0 && h.idle != nil && !h.closed {
			h.in.Want(false)
			h.unwanted = true
			h.ports.SetViewers(0)
		}
	})
}

// awake makes sure that media comes, for a viewer who is about to.
func (h *house) awake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	if len(h.sessions) == 0 {
		h.idle.Stop()
		h.rest()
	}
	h.want()
}

// want says that media is wanted. What was held before the source paused is no place
// to start at. The caller holds h.mu.
func (h *house) want() {
	if !h.unwanted {
		return
	}
	h.unwanted = false
	if h.feed.silent(time.Now()) {
		h.feed.forget()
	}
	h.in.Want(true)
}

// open begins a session for a viewer. streams get their SSRCs.
func (h *house) open(o *negotiate.Offer, streams []negotiate.Stream, wanted string, from guest) (*seat, error) {
	s, err := h.place()
	if err != nil {
		return nil, err
	}
	v := &viewer{wanted: wanted, pass: from.pass, sending: new(atomic.Int64)}
	params := egress.SessionParams{
		Client: from.remote.Addr().Unmap(), RemoteUfrag: o.Ufrag, Fingerprints: o.Fingerprints, CNAME: cname, Epoch: h.env.Epoch,
	}
	feedback := false
	for i := range streams {
		t := &streams[i]
		t.SSRC, t.RTXSSRC = randomSSRC(), randomSSRC()
		params.Streams = append(params.Streams, h.stream(t))
		v.legs = append(v.legs, &leg{viewer: v, track: t.Track.ID, codec: t.Track.Codec})
		if t.TransportCC != 0 && v.estimator == nil {
			v.estimator = estimate.New(h.cfg.start())
		}
		feedback = feedback || t.Has("goog-remb")
	}
	v.remb, v.guessing = h.cfg.start(), v.estimator == nil && !feedback
	if v.estimator != nil {
		v.remb = 0
	}
	if v.session, err = s.sender.Open(params); err != nil {
		s.members.Add(-1)
		h.tally.count(refusedBusy)
		return nil, err
	}
	return h.admit(&seat{
		id: randomID(), name: randomID(), guest: from, since: time.Now(), rate: v.sending, session: v.session, shard: s, streams: streams, ufrag: o.Ufrag, etag: newTag(), wanted: wanted,
	}, v)
}

func (h *house) stream(t *negotiate.Stream) egress.StreamParams {
	p := egress.StreamParams{
		SSRC: t.SSRC, PayloadType: t.PayloadType, RTXPayloadType: t.RTXPayloadType,
		Rate: t.Track.Rate, History: h.feed.history(t.Track.ID),
		Extensions: egress.Extensions{TransportCC: t.TransportCC, AbsCaptureTime: t.AbsCaptureTime},
	}
	if t.RTXPayloadType != 0 {
		p.RTXSSRC = t.RTXSSRC
	}
	p.Extensions.PlayoutDelay = t.PlayoutDelay
	p.Extensions.MinDelay, p.Extensions.MaxDelay = h.cfg.MinDelay, h.cfg.MaxDelay
	return p
}

// place is the shard for the next viewer.
func (h *house) place() (*shard, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, errEnded
	case h.engine == nil:
		return nil, errDisabled
	case len(h.sessions) >= h.cfg.MaxViewers:
		h.tally.count(refusedFull)
		if h.tally.full(time.Now()) {
			h.env.Tell("viewer.limit", map[string]any{"protocol": "whep", "limit": h.cfg.MaxViewers})
		}
		return nil, errFull
	case !h.lateness.IsZero() && time.Since(h.lateness) < overloadFor:
		h.tally.count(refusedOverload)
		return nil, errOverloaded
	}
	var best *shard
	for _, s := range h.shards {
		if best == nil || s.members.Load() < best.members.Load() {
			best = s
		}
	}
	if best == nil || best.members.Load() >= h.perShard && len(h.shards) < min(runtime.GOMAXPROCS(0), maxShards) {
		best = newShard(h, h.engine.NewSender())
		h.shards = append(h.shards, best)
		h.serve(best)
	}
	best.members.Add(1)
	return best, nil
}

// admit gives a session its seat.
func (h *house) admit(st *seat, v *viewer) (*seat, error) {
	h.mu.Lock()
	if !h.closed {
		h.sessions[st.session], h.byID[st.id] = st, st
		h.idle.Stop()
		h.want()
		h.ports.SetViewers(len(h.sessions))
	}
	closed := h.closed
	h.mu.Unlock()
	if closed || !st.shard.send(command{add: v}) {
		st.session.Close()
		return nil, errEnded
	}
	h.tally.opened()
	return st, nil
}

// connected notes that a viewer is being served.
func (h *house) connected(s *egress.Session) { h.tally.connected(s.Stats().Connect) }

// gone forgets a session that has ended.
func (h *house) gone(s *egress.Session, why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	st := h.sessions[s]
	if st == nil {
		return
	}
	h.tally.count(why)
	st.shard.members.Add(-1)
	delete(h.sessions, s)
	delete(h.byID, st.id)
	h.ports.SetViewers(len(h.sessions))
	if len(h.sessions) == 0 && !h.closed {
		h.rest()
	}
}

// release lets a session's name go at once, before its shard knows.
func (h *house) release(st *seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.byID, st.id)
}

// find is the seat of a session, or nil.
func (h *house) find(id string) *seat {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.byID[id]
}

// late notes that a shard had to skip since it had too much to do.
func (h *house) late(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lateness.IsZero() || now.Sub(h.lateness) > overloadFor {
		h.env.Log.Warn("too many viewers for this machine: pictures are skipped", "viewers", len(h.sessions))
	}
	h.lateness = now
}

func (h *house) count(what string) { h.tally.count(what) }

// close lets nobody in any more.
func (h *house) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.idle.Stop()
	h.ports.SetViewers(0)
}

// status describes the house.
func (h *house) status() Status {
	s := h.tally.status()
	h.mu.Lock()
	defer h.mu.Unlock()
	s.Shards, s.Sessions, s.Layers = len(h.shards), make(map[string]int), make(map[string]int)
	for _, sh := range h.shards {
		shown := sh.shown.Load()
		s.Sessions["watching"] += shown.watching
		for name, n := range shown.layers {
			s.Layers[name] += n
		}
	}
	s.Sessions["connecting"] = max(0, len(h.sessions)-s.Sessions["watching"])
	return s
}

// cname names the source of all streams: the server.
const cname = "weir"

// randomID is a session's name: 128 random bits.
func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func newTag() string { return `"` + randomID()[:16] + `"` }

// randomSSRC is not 0 (RFC 3550 section 8.1 allows it, some peers do not).
func randomSSRC() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:])
	return max(binary.BigEndian.Uint32(b[:]), 1)
}
