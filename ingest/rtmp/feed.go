package rtmp

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"time"

	"weir/ingest/reception"
	"weir/pipeline"
	"weir/pipeline/bitstream"
	"weir/pipeline/bitstream/flv"
	"weir/pipeline/media"
	"weir/pipeline/timeline"
)

// maxEarly bounds by how much units are presented before they are decoded, ms.
const maxEarly = 1000

// feed is what one publisher after the other feeds: the output, its timeline and
// its tracks.
type feed struct {
	out    *pipeline.Output
	line   *timeline.Line
	voices map[media.TrackID]*voice
	tracks []*media.Track // in force
	log    *slog.Logger
	status *status

	jumps uint64
	churn reception.Churn
}

// voice is a track through all its parameters and publishers.
type voice struct {
	track *media.Track
	place *timeline.Track
	// params measure sound; nil for video and for sound that describes itself.
	params *bitstream.Params
	// early is how much before their decoding units are presented, ms.
	early int32
}

func newFeed(out *pipeline.Output, epoch time.Time, log *slog.Logger, st *status) *feed {
	return &feed{
		out: out, line: timeline.NewLine(media.MilliRate, epoch),
		voices: make(map[media.TrackID]*voice), log: log, status: st,
	}
}

// session begins to hear another publisher.
func (f *feed) session(log *slog.Logger) *session {
	f.line.Restart()
	return &session{
		feed: f, demuxer: flv.NewDemuxer(bitstream.DefaultLimits()),
		clock: timeline.NewUnwrapper(32), log: log, tally: tally{log: log},
	}
}

// adopt makes t the track of its ID and returns the one that units are to have,
// which is the one before if nothing has changed.
func (f *feed) adopt(t *media.Track) (*media.Track, error) {
	v := f.voices[t.ID]
	if v == nil {
		v = &voice{place: f.line.Track(t.Rate)}
		f.voices[t.ID] = v
	}
	if v.track != nil && same(v.track, t) {
		return v.track, nil
	}
	v.params = nil
	if t.Kind() == media.KindAudio && t.Config != nil {
		p, err := bitstream.Parse(t.Codec, t.Config, bitstream.DefaultLimits())
		if err != nil {
			return nil, err
		}
		v.params = p
	}
	if v.track != nil && v.track.Rate != t.Rate {
		v.place.SetRate(t.Rate)
	}
	v.track = t
	return t, nil
}

func same(a, b *media.Track) bool {
	return a.Codec == b.Codec && a.Rate == b.Rate && a.Channels == b.Channels &&
		bytes.Equal(a.Config, b.Config) &&
		slices.EqualFunc(a.Layers, b.Layers, func(x, y media.Layer) bool {
			return x.Name == y.Name && x.Width == y.Width && x.Height == y.Height && x.FPS == y.FPS &&
				x.Bitrate == y.Bitrate && bytes.Equal(x.Config, y.Config)
		})
}

// announce brings tracks into force. It reports false if they change too often.
func (f *feed) announce(tracks []*media.Track, at time.Time) bool {
	if slices.Equal(tracks, f.tracks) || len(tracks) == 0 {
		return true
	}
	if !f.churn.Allow(at) {
		return false
	}
	f.tracks = slices.Clone(tracks)
	f.out.SetTracks(&media.TrackSet{Tracks: f.tracks})
	f.status.tracks(f.tracks)
	f.log.Info("tracks", "codecs", f.status.Standing().Codecs)
	return true
}

// unit is a unit that has been taken apart and not yet placed.
type unit struct {
	flv.Unit
	wire    int64 // DTS unwrapped, ms
	arrived time.Time
}

// send places a unit and sends it. Its track is in force.
func (f *feed) send(ctx context.Context, u *unit) error {
	v := f.voices[u.Track.ID]
	if u.CTS < -v.early {
		v.early = min(-u.CTS, maxEarly)
	}
	samples := media.Ticks(0)
	if u.Track.Kind() == media.KindAudio {
		samples = v.samples(u.Access[0])
	}
	p := v.place.Place(timeline.Stamp{
		Wire: u.wire, Offset: int64(u.CTS + v.early), Samples: samples, Arrived: u.arrived,
	})
	if u.Nanos > 0 && samples == 0 {
		p.PTS += u.Track.Rate.Ticks(time.Duration(u.Nanos))
	}
	if n := f.line.Jumps(); n != f.jumps {
		f.jumps = n
		f.status.Jumped(n)
	}
	return f.out.Send(ctx, &media.Unit{
		Track: u.Track, PTS: p.PTS, DTS: p.DTS, Arrived: u.arrived,
		Flags: u.Flags | p.Flags, Access: u.Access,
	})
}

// samples is how long a unit of sound lasts; 0 if it does not say.
func (v *voice) samples(frame []byte) media.Ticks {
	var n int
	var err error
	if v.params != nil {
		n, err = v.params.FrameTicks(frame)
	} else {
		n, err = bitstream.Samples(v.track.Codec, frame)
	}
	if err != nil {
		return 0
	}
	return media.Ticks(n)
}
