package top

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"weir/cmd/client"
)

// Server is the server as a whole.
type Server struct {
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
}

// Stream is a running stream.
type Stream struct {
	Path      string   `json:"path"`
	State     string   `json:"state"`
	Viewers   int      `json:"viewers"`
	Bitrate   int64    `json:"bitrate"` // bit/s
	Summary   string   `json:"summary"`
	Verdict   string   `json:"verdict"`
	Recording bool     `json:"recording"`
	Outputs   []Output `json:"outputs"`
	// Dropped is the units that its edges have dropped since it began; nil if nobody knows.
	Dropped *uint64 `json:"dropped"`
}

// Output is what one of its outputs does.
type Output struct {
	Name   string `json:"name"`
	Use    string `json:"use"`
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
}

// Event is something that has happened.
type Event struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Stream    string    `json:"stream,omitempty"`
	Stage     string    `json:"stage,omitempty"`
}

// Board is all that is shown.
type Board struct {
	Address string    `json:"address"`
	At      time.Time `json:"at"`
	Server  Server    `json:"server"`
	Streams []Stream  `json:"streams"`
	Events  []Event   `json:"events"` // the newest first
}

// Orders are what streams can be sorted by.
func Orders() []string { return []string{"path", "viewers", "bitrate", "drops"} }

// maxGraphs bounds the streams whose drops are asked for at once: those that are shown.
const maxGraphs = 64

// Ask asks a server for everything. Streams are in an order; the first rows of them have
// their drops.
func Ask(ctx context.Context, c *client.Client, order string, rows int) (*Board, error) {
	b := &Board{Address: c.Address(), At: time.Now()}
	var err error
	if b.Streams, err = client.List[Stream](ctx, c, "/v1/streams"); err != nil {
		return nil, err
	}
	if err := c.Get(ctx, "/v1/server", &b.Server); absent(err) != nil {
		return nil, err
	}
	var log struct{ Items []Event }
	if err := c.Get(ctx, "/v1/events/log?limit=10", &log); absent(err) != nil {
		return nil, err
	}
	b.Events = log.Items
	byDrops := order == "drops"
	if !byDrops {
		b.sort(order)
	}
	for i := range b.Streams[:min(len(b.Streams), maxGraphs)] {
		if i < rows || byDrops {
			if err := b.drops(ctx, c, &b.Streams[i]); err != nil {
				return nil, err
			}
		}
	}
	if byDrops {
		b.sort(order)
	}
	return b, nil
}

// absent is the error, unless it says that there is no such thing, or not for this token.
func absent(err error) error {
	var s *client.Status
	if errors.As(err, &s) && (s.Code == http.StatusNotFound || s.Code == http.StatusForbidden) {
		return nil
	}
	return err
}

// drops adds up what the edges of a stream have dropped.
func (b *Board) drops(ctx context.Context, c *client.Client, s *Stream) error {
	var graph struct {
		Edges []struct {
			Dropped map[string]uint64 `json:"dropped"`
		} `json:"edges"`
	}
	if err := c.Get(ctx, "/v1/streams/"+url.PathEscape(s.Path)+"/graph", &graph); err != nil {
		return absent(err) // it may have ended meanwhile
	}
	s.Dropped = new(uint64)
	for _, e := range graph.Edges {
		for _, n := range e.Dropped {
			*s.Dropped += n
		}
	}
	return nil
}

func (b *Board) sort(order string) {
	slices.SortStableFunc(b.Streams, func(x, y Stream) int {
		most := 0
		switch order {
		case "viewers":
			most = cmp.Compare(y.Viewers, x.Viewers)
		case "bitrate":
			most = cmp.Compare(y.Bitrate, x.Bitrate)
		case "drops":
			most = cmp.Compare(dropped(&y), dropped(&x))
		}
		return cmp.Or(most, strings.Compare(x.Path, y.Path))
	})
}

func dropped(s *Stream) uint64 {
	if s.Dropped == nil {
		return 0
	}
	return *s.Dropped
}
