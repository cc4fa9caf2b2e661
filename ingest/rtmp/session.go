package rtmp

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/bitstream/flv"
	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
	"weir/pipeline/timeline"
)

// The first set of tracks is announced when picture and sound are known, or when
// the first of these is reached.
const (
	settleTime  = 500 * time.Millisecond // since the first unit, by arrival
	settleSpan  = 1000                   // by the publisher's clock, ms
	settleUnits = 256
	settleBytes = 4 << 20
)

// How long a track may be missing before it counts as ended, while others go on:
// sound, and what the publisher has declared to be over. (ffmpeg does that with the
// picture, just before it ends everything.) A still picture is never missing.
const (
	missing = 3 * time.Second
	over    = time.Second
)

// session is what is heard from one publisher.
type session struct {
	feed    *feed
	demuxer *flv.Demuxer
	clock   timeline.Unwrapper
	log     *slog.Logger
	tally   tally

	tracks []*media.Track // the publisher's: picture before sound
	// held are the units before the first announcement.
	held    []unit
	bytes   int
	settled bool
	// By kind: when the last unit came, whether the track was declared to be over,
	// whether it counts as ended.
	last  [media.KindAudio + 1]time.Time
	over  [media.KindAudio + 1]bool
	quiet [media.KindAudio + 1]bool
}

// take deals with a message. An error is the end of the publisher.
func (s *session) take(ctx context.Context, m rtmpd.Message) error {
	r, err := s.demuxer.Demux(flv.Tag{Type: flv.Type(m.Type), Timestamp: m.Timestamp, Payload: m.Payload})
	if err != nil {
		return s.complain(err, m.Arrived)
	}
	if r.Metadata != nil {
		s.feed.status.CallsItself(r.Metadata.Encoder) // which says more than most make up for a flashVer
	}
	if r.Track != nil {
		if err := s.adopt(ctx, r.Track, m.Arrived); err != nil {
			return err
		}
	}
	if v := s.feed.voices[r.Ended]; v != nil {
		s.over[v.track.Kind()] = true
	}
	if r.Unit.Track == nil {
		return nil
	}
	u := unit{Unit: r.Unit, wire: s.clock.Unwrap(uint64(r.Unit.DTS)), arrived: m.Arrived}
	u.Track = s.feed.voices[u.Track.ID].track
	if s.settled {
		return s.send(ctx, &u)
	}
	return s.hold(ctx, &u)
}

// complain decides about an error of the demuxer: what one message costs is logged
// now and then, what cannot work ends the session in words.
func (s *session) complain(err error, at time.Time) error {
	var limit *bitstream.LimitError
	var unsupported *flv.Unsupported
	switch {
	case errors.As(err, &limit):
		return rtmpd.Failed(limit.Error())
	case errors.As(err, &unsupported):
		s.tally.warn("part of the stream cannot be used", err, at)
	default:
		s.tally.warn("message is damaged", err, at)
	}
	return nil
}

// adopt takes a new or changed track.
func (s *session) adopt(ctx context.Context, t *media.Track, at time.Time) error {
	t, err := s.feed.adopt(t)
	if err != nil {
		return s.complain(err, at)
	}
	if i := slices.IndexFunc(s.tracks, func(o *media.Track) bool { return o.ID == t.ID }); i >= 0 {
		s.tracks[i] = t
	} else {
		s.tracks = append(s.tracks, t)
	}
	slices.SortStableFunc(s.tracks, func(a, b *media.Track) int { return int(a.Kind()) - int(b.Kind()) })
	switch {
	case s.settled:
		return s.announce(at)
	case len(s.tracks) > 1:
		return s.settle(ctx, at)
	}
	return nil
}

func (s *session) announce(at time.Time) error {
	if s.settled && !s.feed.announce(s.heard(), at) {
		return errChurn()
	}
	return nil
}

func errChurn() error { return rtmpd.Failed("The stream's tracks or parameters change too often.") }

// hold keeps a unit until the tracks are announced.
func (s *session) hold(ctx context.Context, u *unit) error {
	s.held = append(s.held, *u)
	for _, b := range u.Access {
		s.bytes += len(b)
	}
	first := s.held[0]
	if u.arrived.Sub(first.arrived) < settleTime && u.wire-first.wire < settleSpan &&
		len(s.held) < settleUnits && s.bytes < settleBytes {
		return nil
	}
	return s.settle(ctx, u.arrived)
}

// settle announces the tracks and sends what was held.
func (s *session) settle(ctx context.Context, at time.Time) error {
	s.settled = true
	s.last[media.KindVideo], s.last[media.KindAudio] = at, at
	if err := s.announce(at); err != nil {
		return err
	}
	held := s.held
	s.held = nil
	for i := range held {
		if err := s.send(ctx, &held[i]); err != nil {
			return err
		}
	}
	return nil
}

// send sends a unit, and watches over the other tracks.
func (s *session) send(ctx context.Context, u *unit) error {
	quiet := s.quiet
	kind, other := media.KindVideo, media.KindAudio
	if u.Track.Kind() == media.KindAudio {
		kind, other = other, kind
	}
	s.last[kind], s.over[kind], quiet[kind] = u.arrived, false, false
	passed := u.arrived.Sub(s.last[other])
	quiet[other] = quiet[other] || s.over[other] && passed >= over || other == media.KindAudio && passed >= missing
	if quiet != s.quiet {
		s.quiet = quiet
		if err := s.announce(u.arrived); err != nil {
			return err
		}
	}
	if !slices.Contains(s.feed.tracks, u.Track) { // it was held from before a change
		in := slices.DeleteFunc(s.heard(), func(t *media.Track) bool { return t.ID == u.Track.ID })
		if !s.feed.announce(append(in, u.Track), u.arrived) {
			return errChurn()
		}
	}
	return s.feed.send(ctx, u)
}

// heard are the tracks that do not count as ended.
func (s *session) heard() []*media.Track {
	return slices.DeleteFunc(slices.Clone(s.tracks), func(t *media.Track) bool { return s.quiet[t.Kind()] })
}

// end ends the session. What is still held comes from a publisher that stayed
// shorter than settleTime.
func (s *session) end(ctx context.Context) {
	if !s.settled && len(s.held) > 0 {
		_ = s.settle(ctx, s.held[len(s.held)-1].arrived) // it is over anyway
	}
	s.tally.end()
}
