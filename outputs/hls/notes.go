package hls

import (
	"log/slog"
	"maps"
	"slices"
	"time"

	"weir/pipeline/media"
)

// notes gathers what goes wrong into a warning now and then. It belongs to one
// goroutine.
type notes struct {
	log     *slog.Logger
	left    map[string]bool
	dropped map[string]int
	last    time.Time
}

func newNotes(log *slog.Logger) *notes {
	return &notes{log: log, left: make(map[string]bool), dropped: make(map[string]int)}
}

// notesEvery is the least time between two warnings about dropped units.
const notesEvery = 10 * time.Second

// drop counts units that are not in the output.
func (n *notes) drop(why string, units int) {
	if units == 0 {
		return
	}
	n.dropped[why] += units
	if now := time.Now(); now.Sub(n.last) >= notesEvery {
		n.flush()
		n.last = now
	}
}

// skip notes a unit that nobody expects in the output.
func (n *notes) skip(why string) { n.log.Debug("left a unit out", "why", why) }

// flush warns about what has been dropped since the last warning.
func (n *notes) flush() {
	for _, why := range slices.Sorted(maps.Keys(n.dropped)) {
		n.log.Warn("left units out", "why", why, "units", n.dropped[why])
	}
	clear(n.dropped)
}

// leaveOut warns once about a track that is not carried.
func (n *notes) leaveOut(t *media.Track, why error) {
	key := string(t.ID) + "\x00" + why.Error()
	if n.left[key] || len(n.left) > 100 {
		return
	}
	n.left[key] = true
	n.log.Warn("left a track out", "track", t.ID, "codec", t.Codec, "why", why)
}

// fault warns about a failure that costs something smaller than the stage.
func (n *notes) fault(what string, err error) {
	n.log.Warn("could not "+what, "error", err)
}
