package whip

import (
	"log/slog"
	"slices"
	"time"

	"weir/ingest/reception"
	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/timeline"
)

// lineRate is the clock of the line: every RTP clock fits into it, 90 kHz eight times
// and 48 kHz fifteen times.
const lineRate media.Rate = 720_000

// streamKey names an RTP stream of whichever publisher.
type streamKey struct {
	kind  media.Kind
	layer int8
}

// feed is what one publisher after the other feeds: the output, its timeline and its
// tracks.
type feed struct {
	out    *pipeline.Output
	line   *timeline.Line
	places map[streamKey]*timeline.Track
	tracks []*media.Track // in force
	log    *slog.Logger
	status *status

	jumps uint64
	churn reception.Churn
}

func newFeed(out *pipeline.Output, epoch time.Time, log *slog.Logger, st *status) *feed {
	return &feed{
		out: out, line: timeline.NewLine(lineRate, epoch), places: make(map[streamKey]*timeline.Track),
		log: log, status: st,
	}
}

// place is where on the timeline the packets of a stream go.
func (f *feed) place(k streamKey, rate media.Rate) *timeline.Track {
	p := f.places[k]
	if p == nil {
		p = f.line.Track(rate)
		f.places[k] = p
	}
	return p
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

// keep is t, or the track in force if they are the same, so that a publisher who sends
// what the one before sent changes nothing.
func (f *feed) keep(t *media.Track) *media.Track {
	for _, old := range f.tracks {
		if old.ID == t.ID && old.Codec == t.Codec && slices.EqualFunc(old.Layers, t.Layers,
			func(a, b media.Layer) bool { return a.Name == b.Name }) {
			return old
		}
	}
	return t
}
