package load

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// follower is a player's view of one rendition. One connection asks for playlists,
// each when it is to have one part more, another one for the parts that they list:
// what hls.js does with lowLatencyMode.
type follower struct {
	room      *room
	rendition string // path of the playlist
	agent     string // tells players apart
	started   func() // called with the first part
	due       chan string
	last      string // the newest part that is due, or was
}

// follow asks for playlists until ctx ends.
func (f *follower) follow(ctx context.Context) error {
	defer close(f.due)
	return f.with(ctx, func(c *client) error {
		path := f.rendition
		for {
			body, err := c.get(path)
			if err != nil {
				return err
			}
			f.room.playlists.Add(1)
			e, err := f.room.read(path, body)
			if err != nil {
				return err
			}
			if !f.take(ctx, e) {
				return nil
			}
			path = f.rendition + e.next
		}
	})
}

// take makes the parts due that are new; of the first playlist, the newest one.
func (f *follower) take(ctx context.Context, e *edge) bool {
	parts := e.parts
	switch i := slices.Index(parts, f.last); {
	case i >= 0:
		parts = parts[i+1:]
	case f.last == "" && len(parts) > 0:
		parts = parts[len(parts)-1:]
	case len(parts) > 0:
		f.room.missed.Add(1)
	}
	for _, name := range parts {
		select {
		case f.due <- name:
			f.last = name
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// fetch gets parts as they become due.
func (f *follower) fetch(ctx context.Context) error {
	return f.with(ctx, func(c *client) error {
		for name := range f.due {
			body, err := c.get(f.room.path(name))
			if err != nil {
				return err
			}
			f.room.parts.Add(1)
			f.room.bytes.Add(int64(len(body.bytes)))
			f.started()
		}
		return nil
	})
}

// with calls do with a connection that is closed when ctx ends.
func (f *follower) with(ctx context.Context, do func(*client) error) error {
	c, err := dialHTTP(ctx, f.room.base.Host, f.agent)
	if err != nil {
		return err
	}
	defer c.close()
	defer context.AfterFunc(ctx, c.close)()
	if err := do(c); ctx.Err() == nil {
		return err
	}
	return nil
}

// edge is the end of a media playlist.
type edge struct {
	// parts are the names of all parts that are listed.
	parts []string
	// next is the query for the playlist with one part more.
	next string
}

// read reads a playlist, unless another player has read the same one.
func (r *room) read(path string, b body) (*edge, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.edges[path]; e != nil && strings.Contains(path, "_HLS_") {
		return e, nil
	}
	text, err := b.text()
	if err != nil {
		return nil, err
	}
	e, err := parseEdge(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(r.edges) > 256 {
		clear(r.edges) // whoever is late reads again
	}
	r.edges[path] = e
	return e, nil
}

// parseEdge finds out where a media playlist ends.
func parseEdge(text string) (*edge, error) {
	e := &edge{}
	var msn, part int // of what comes next
	for line := range strings.Lines(text) {
		tag, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch tag {
		case "#EXT-X-MEDIA-SEQUENCE":
			n, err := strconv.Atoi(value)
			if err != nil {
				return nil, fmt.Errorf("media sequence: %w", err)
			}
			msn += n
		case "#EXT-X-SKIP":
			_, n, _ := strings.Cut(value, "SKIPPED-SEGMENTS=")
			skipped, err := strconv.Atoi(n)
			if err != nil {
				return nil, fmt.Errorf("skipped segments: %w", err)
			}
			msn += skipped
		case "#EXT-X-PART":
			if !strings.Contains(value, ",GAP=YES") {
				e.parts = append(e.parts, quoted(value, `URI="`))
			}
			part++
		case "#EXTINF":
			msn, part = msn+1, 0
		case "#EXT-X-ENDLIST":
			return nil, fmt.Errorf("the stream has ended")
		}
	}
	if len(e.parts) == 0 {
		return nil, fmt.Errorf("no parts are listed:\n%s", text)
	}
	e.next = fmt.Sprintf("?_HLS_msn=%d&_HLS_part=%d&_HLS_skip=YES", msn, part)
	return e, nil
}
