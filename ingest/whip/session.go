package whip

import (
	"context"
	"errors"
	"slices"
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/bitstream/rtp"
	"weir/pipeline/media"
	"weir/pipeline/service/rtc"
	"weir/pipeline/timeline"
)

const (
	// settleTime is how long after the first packet the tracks are announced at the
	// latest, if not all that were offered have come; settleUnits bounds what is kept.
	settleTime  = 500 * time.Millisecond
	settleUnits = 2048
	// missing is how long a track may be missing before it counts as ended, while the
	// other one goes on.
	missing = 3 * time.Second
)

// errChurn ends publishers that nobody could follow.
var errChurn = errors.New("the tracks change too often")

// hearing is what is heard from one publisher.
type hearing struct {
	feed    *feed
	peer    *rtc.Publisher
	offered []rtc.Medium
	sync    *timeline.Sync
	streams map[streamKey]*stream

	tracks map[media.Kind]*media.Track
	held   []*media.Unit // before the first announcement
	begun  time.Time
	// settled: the tracks have been announced.
	settled bool
	last    [media.KindAudio + 1]time.Time // by kind
	quiet   [media.KindAudio + 1]bool      // counts as ended
}

// stream is one RTP stream.
type stream struct {
	inspector *rtp.Inspector
	sync      *timeline.SyncStream
	place     *timeline.Track
	samples   bool
	// keyed: a key picture has come; asked is when one was asked for.
	keyed bool
	asked time.Time

	begun     bool
	timestamp uint32 // of the last packet
	at        media.Ticks
}

func (f *feed) hearing(p *rtc.Publisher) *hearing {
	f.line.Restart()
	return &hearing{
		feed: f, peer: p, offered: p.Media(), sync: timeline.NewSync(lineRate),
		streams: make(map[streamKey]*stream), tracks: make(map[media.Kind]*media.Track),
	}
}

// take deals with a packet.
func (h *hearing) take(ctx context.Context, p *rtc.Packet) error {
	if t := h.tracks[p.Kind]; t == nil || t.Codec != p.Codec {
		h.tracks[p.Kind] = h.feed.keep(newTrack(h.offered, p))
		for k := range h.streams { // another format of the same kind is read anew
			if k.kind == p.Kind {
				h.streams[k].inspector = rtp.NewInspector(p.Codec)
			}
		}
		if h.settled && !h.announce(p.Arrived) {
			return errChurn
		}
	}
	u := h.unit(p)
	if h.settled {
		return h.send(ctx, u)
	}
	if h.begun.IsZero() {
		h.begun = p.Arrived
	}
	h.held = append(h.held, u)
	if len(h.tracks) < len(h.offered) && p.Arrived.Sub(h.begun) < settleTime && len(h.held) < settleUnits {
		return nil
	}
	return h.settle(ctx, p.Arrived)
}

// newTrack is the track that a packet belongs to.
func newTrack(offered []rtc.Medium, p *rtc.Packet) *media.Track {
	t := &media.Track{ID: media.TrackID(p.Kind.String()), Codec: p.Codec, Form: media.FormRTP, Rate: media.VideoRate}
	if p.Kind == media.KindAudio {
		t.Rate, t.Channels = media.OpusRate, 2 // RFC 7587 section 4.1: always, in RTP
		return t
	}
	t.Layers = []media.Layer{{}}
	for _, m := range offered {
		if m.Kind == p.Kind && len(m.Layers) > 0 {
			t.Layers = nil
			for _, name := range m.Layers {
				t.Layers = append(t.Layers, media.Layer{Name: name})
			}
		}
	}
	return t
}

// settle announces the tracks and sends what was held.
func (h *hearing) settle(ctx context.Context, at time.Time) error {
	h.settled = true
	h.last[media.KindVideo], h.last[media.KindAudio] = at, at
	if !h.announce(at) {
		return errChurn
	}
	held := h.held
	h.held = nil
	for _, u := range held {
		if err := h.send(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// heard are the tracks that do not count as ended: picture before sound.
func (h *hearing) heard() []*media.Track {
	var tracks []*media.Track
	for _, kind := range []media.Kind{media.KindVideo, media.KindAudio} {
		if t := h.tracks[kind]; t != nil && !h.quiet[kind] {
			tracks = append(tracks, t)
		}
	}
	return tracks
}

func (h *hearing) announce(at time.Time) bool { return h.feed.announce(h.heard(), at) }

// send sends a unit, and watches over the other track.
func (h *hearing) send(ctx context.Context, u *media.Unit) error {
	quiet := h.quiet
	kind, other := media.KindVideo, media.KindAudio
	if u.Kind() == media.KindAudio {
		kind, other = other, kind
	}
	h.last[kind], quiet[kind] = u.Arrived, false
	quiet[other] = quiet[other] || u.Arrived.Sub(h.last[other]) >= missing
	if quiet != h.quiet {
		h.quiet = quiet
		if !h.announce(u.Arrived) {
			return errChurn
		}
	}
	if !slices.Contains(h.feed.tracks, u.Track) {
		return nil // it was held from before a change of codec
	}
	return h.feed.out.Send(ctx, u)
}

// unit makes the unit of a packet.
func (h *hearing) unit(p *rtc.Packet) *media.Unit {
	t, k := h.tracks[p.Kind], streamKey{p.Kind, p.Layer}
	s := h.streams[k]
	if s == nil {
		s = &stream{
			inspector: rtp.NewInspector(p.Codec),
			sync:      h.sync.Stream(t.Rate, p.Kind == media.KindAudio),
			place:     h.feed.place(k, t.Rate),
			samples:   p.Kind == media.KindAudio,
		}
		h.streams[k] = s
	}
	u := &media.Unit{
		Track: t, Layer: p.Layer, Arrived: p.Released,
		RTP: &media.RTP{
			PayloadType: p.PayloadType, Marker: p.Marker, Sequence: p.Sequence,
			Timestamp: p.Timestamp, SSRC: p.SSRC, Payload: p.Payload,
		},
	}
	u.Flags = s.inspector.Flags(u.RTP)
	if !p.Report.Wall.IsZero() {
		s.sync.Report(p.Report.Wall, p.Report.Timestamp)
	}
	u.Capture = s.sync.Capture(p.Timestamp)
	if !s.begun || p.Timestamp != s.timestamp {
		u.Flags |= s.locate(p)
		if n := h.feed.line.Jumps(); n != h.feed.jumps {
			h.feed.jumps = n
			h.feed.status.Jumped(n)
		}
	}
	u.PTS, u.DTS = s.at, s.at
	h.wantKey(s, u)
	return u
}

// wantKey asks for a key picture until a stream has had one: the beginning may have
// been lost.
func (h *hearing) wantKey(s *stream, u *media.Unit) {
	s.keyed = s.keyed || u.Flags.Has(media.Key)
	if !s.keyed && u.Arrived.Sub(s.asked) >= time.Second {
		s.asked = u.Arrived
		h.peer.RequestKeyframe(u.Layer)
	}
}

// locate finds the place of a picture or of a piece of sound. All packets of a picture
// have the same.
func (s *stream) locate(p *rtc.Packet) media.Flags {
	stamp := timeline.Stamp{Wire: s.sync.Wire(p.Timestamp, p.Arrived), Arrived: p.Arrived}
	if s.samples {
		if n, err := bitstream.Samples(p.Codec, p.Payload); err == nil {
			stamp.Samples = media.Ticks(n)
		}
	}
	place := s.place.Place(stamp)
	s.begun, s.timestamp, s.at = true, p.Timestamp, place.DTS
	return place.Flags &^ media.Gap // whether something was lost is told by the numbers
}
