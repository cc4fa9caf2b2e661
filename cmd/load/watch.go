package load

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Players is a number of players that watch one stream.
type Players struct {
	// URL is the multivariant playlist's. It is read once, for all.
	URL string
	// Count is how many there are.
	Count int
}

// Watched is what players have got.
type Watched struct {
	Playlists, Parts, Bytes int64
	// Missed counts parts that had left the playlist before a player read it.
	Missed int64
}

// Run watches until ctx ends, and calls live when all players have got a part. The
// first player to get anything but what it asked for ends it.
func (p Players) Run(ctx context.Context, live func()) (Watched, error) {
	base, err := url.Parse(p.URL)
	if err != nil {
		return Watched{}, fmt.Errorf("address to watch: %w", err)
	}
	r := &room{base: base, edges: make(map[string]*edge)}
	names, err := r.renditions(ctx)
	if err != nil {
		return Watched{}, err
	}
	group, ctx := errgroup.WithContext(ctx)
	var started atomic.Int64
	for n := range p.Count {
		for _, name := range names {
			started := sync.OnceFunc(func() {
				if started.Add(1) == int64(p.Count*len(names)) {
					live()
				}
			})
			f := &follower{room: r, rendition: name, agent: strconv.Itoa(n), started: started, due: make(chan string, 64)}
			group.Go(func() error { return f.follow(ctx) })
			group.Go(func() error { return f.fetch(ctx) })
		}
	}
	err = group.Wait()
	return Watched{
		Playlists: r.playlists.Load(), Parts: r.parts.Load(), Bytes: r.bytes.Load(), Missed: r.missed.Load(),
	}, err
}

// room is what players have in common: the stream, what was counted, and the
// playlists, each of which is read by the first player that gets it.
type room struct {
	base                            *url.URL
	playlists, parts, bytes, missed atomic.Int64

	mu    sync.Mutex // guards edges
	edges map[string]*edge
}

// renditions are the addresses of the first variant's and the first audio
// rendition's playlist.
func (r *room) renditions(ctx context.Context) ([]string, error) {
	c, err := dialHTTP(ctx, r.base.Host, "0")
	if err != nil {
		return nil, err
	}
	defer c.close()
	body, err := c.get(r.base.RequestURI())
	if err != nil {
		return nil, err
	}
	text, err := body.text()
	if err != nil {
		return nil, err
	}
	var names []string
	audio := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#EXT-X-MEDIA:TYPE=AUDIO") && audio == "":
			audio = quoted(line, `URI="`)
		case line != "" && line[0] != '#' && len(names) == 0:
			names = append(names, r.path(line))
		}
	}
	if audio != "" {
		names = append(names, r.path(audio))
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s names no playlist:\n%s", r.base, text)
	}
	return names, nil
}

// path is that of a resource which a playlist names.
func (r *room) path(reference string) string {
	u, err := r.base.Parse(reference)
	if err != nil {
		return reference
	}
	return u.RequestURI()
}

// quoted is the text in quotation marks behind a word in a line.
func quoted(line, word string) string {
	_, rest, _ := strings.Cut(line, word)
	text, _, _ := strings.Cut(rest, `"`)
	return text
}

// numbered puts a number in the place of "*".
func numbered(s string, n int) string { return strings.Replace(s, "*", strconv.Itoa(n), 1) }
