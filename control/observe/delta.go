package observe

import (
	"bytes"
	"encoding/json"
	"math"
	"sync"
	"time"
)

// Stat is what of a stream changes by the second.
type Stat struct {
	Path      string `json:"path"`
	State     string `json:"state"`
	Viewers   int    `json:"viewers"`
	Bitrate   int64  `json:"bitrate"`
	Summary   string `json:"summary"`
	Verdict   string `json:"verdict"`
	Recording bool   `json:"recording"`
}

// Stats is what the topics "stats" and "streams" bring: what has changed since the message
// before, or all of it if Whole.
type Stats struct {
	Whole   bool              `json:"whole"`
	Streams []json.RawMessage `json:"streams"`
	Gone    []string          `json:"gone,omitempty"`
}

// Changes is what the topic "graph:…" brings: the nodes and edges that are others than in
// the message before, or all of them if Whole.
type Changes struct {
	Whole   bool              `json:"whole"`
	Path    string            `json:"path"`
	Pattern string            `json:"pattern,omitempty"`
	Live    bool              `json:"live"`
	Nodes   []json.RawMessage `json:"nodes"`
	Edges   []json.RawMessage `json:"edges"`
}

// line is a stream as JSON.
type line struct {
	path         string
	stat, stream []byte
}

// lines encodes the streams of a Sample once for all who listen.
func (s *Sample) lines() []line {
	s.encode.Do(func() {
		s.encoded = make([]line, len(s.streams))
		for i, v := range s.streams {
			slow := v.Stream
			slow.Viewers, slow.Bitrate = 0, 0
			stat := Stat{v.Path, v.State, v.Viewers, roughly(v.Bitrate), v.Summary, v.Verdict, v.Recording}
			s.encoded[i] = line{v.Path, encode(stat), encode(slow)}
		}
	})
	return s.encoded
}

// memo is the part of a Sample that is made when somebody asks.
type memo struct {
	encode  sync.Once
	encoded []line
}

// roughly is a bitrate without what changes every second.
func roughly(bitrate int64) int64 { return int64(math.Round(float64(bitrate)/1e4)) * 1e4 }

// encode is for values that can be encoded; others are null.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return b
}

// delta remembers what somebody has been sent.
type delta struct{ sent map[string][]byte }

// news says whether b is something else than what was sent under a key, and notes it.
func (d *delta) news(key string, b []byte) bool {
	if d.sent == nil {
		d.sent = make(map[string][]byte)
	}
	if bytes.Equal(d.sent[key], b) {
		return false
	}
	d.sent[key] = b
	return true
}

// stats is what to send of a Sample; nil if nothing has changed.
func (d *delta) stats(s *Sample, pick func(*line) []byte, sees func(string) bool) *Stats {
	out := &Stats{Whole: d.sent == nil, Streams: []json.RawMessage{}}
	lines := s.lines()
	there := make(map[string]bool, len(lines))
	for i := range lines {
		l := &lines[i]
		if !sees(l.path) {
			continue
		}
		there[l.path] = true
		if b := pick(l); d.news(l.path, b) {
			out.Streams = append(out.Streams, b)
		}
	}
	for path := range d.sent {
		if !there[path] {
			out.Gone = append(out.Gone, path)
			delete(d.sent, path)
		}
	}
	if d.sent == nil {
		d.sent = make(map[string][]byte)
	}
	if !out.Whole && len(out.Streams) == 0 && len(out.Gone) == 0 {
		return nil
	}
	return out
}

// graph is what to send of a graph; nil if nothing has changed. A graph of other nodes or
// edges than before is sent as a whole.
func (d *delta) graph(s *Sample, path string) *Changes {
	g := s.Graph(path)
	if g == nil {
		g = &Graph{Path: path}
	}
	nodes, edges := make(map[string][]byte), make(map[string][]byte)
	order := func(all map[string][]byte, key string, v any) string { all[key] = encode(v); return key }
	var names, ends []string
	for i := range g.Nodes {
		names = append(names, order(nodes, "node\n"+g.Nodes[i].Name, &g.Nodes[i]))
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		ends = append(ends, order(edges, "edge\n"+e.From+"\n"+e.FromPort+"\n"+e.To+"\n"+e.Port, e))
	}
	known := 0
	for key := range d.sent {
		if nodes[key] != nil || edges[key] != nil {
			known++
		}
	}
	out := &Changes{Path: path, Pattern: g.Pattern, Live: g.Live, Nodes: []json.RawMessage{}, Edges: []json.RawMessage{}}
	out.Whole = d.sent == nil || known != len(d.sent) || known != len(nodes)+len(edges)
	if out.Whole {
		d.sent = make(map[string][]byte)
	}
	for _, key := range names {
		if d.news(key, nodes[key]) {
			out.Nodes = append(out.Nodes, nodes[key])
		}
	}
	for _, key := range ends {
		if d.news(key, edges[key]) {
			out.Edges = append(out.Edges, edges[key])
		}
	}
	if !out.Whole && len(out.Nodes) == 0 && len(out.Edges) == 0 {
		return nil
	}
	return out
}

// message is how what comes from Samples is wrapped: as an event without an ID.
type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Stream    string    `json:"stream,omitempty"`
	Data      any       `json:"data"`
}
