package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"

	"weir/cmd/client"
)

// maxGraphs bounds the streams whose graphs are added.
const maxGraphs = 50

// Server adds what a running server says of itself.
func Server(ctx context.Context, a *Archive, c *client.Client) {
	ask := &question{ctx, a, c}
	ask.json("server/server.json", "/v1/server")
	ask.text("server/health.txt", "/readyz?verbose")
	ask.text("server/metrics.txt", "/metrics")
	streams := ask.json("server/streams.json", "/v1/streams?limit=1000")
	ask.json("server/pipelines.json", "/v1/pipelines?limit=1000")
	ask.json("server/config.json", "/v1/config")
	ask.json("server/config-history.json", "/v1/config/history")
	ask.json("server/events.json", "/v1/events/log?limit=1000")
	ask.json("server/sessions.json", "/v1/sessions?limit=1000")
	ask.json("server/recordings.json", "/v1/recordings?limit=1000")
	ask.text("server/goroutines.txt", "/debug/pprof/goroutine?debug=1")
	if b, cut, err := c.Raw(ctx, "/debug/pprof/heap", MaxEntry); err != nil {
		a.Missing("server/heap.pprof", err)
	} else {
		a.Binary("server/heap.pprof", b, cut)
	}
	var list struct{ Items []struct{ Path string } }
	_ = json.Unmarshal(streams, &list) // without streams there are no graphs
	for i, s := range list.Items {
		if i == maxGraphs || ctx.Err() != nil {
			break
		}
		path := url.PathEscape(s.Path)
		ask.json("server/graphs/"+path+".json", "/v1/streams/"+path+"/graph")
	}
}

// question is what is asked of a server for an archive.
type question struct {
	ctx context.Context //nolint:containedctx // it lives no longer than one call
	*Archive
	*client.Client
}

func (q *question) text(name, path string) {
	if b, cut, err := q.Raw(q.ctx, path, MaxEntry); err != nil {
		q.Missing(name, err)
	} else {
		q.Text(name, string(b), cut)
	}
}

// json adds an answer in a form that people can read.
func (q *question) json(name, path string) []byte {
	b, cut, err := q.Raw(q.ctx, path, MaxEntry)
	if err != nil {
		q.Missing(name, err)
		return nil
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, b, "", "  ") == nil {
		q.Text(name, pretty.String(), cut)
	} else {
		q.Text(name, string(b), cut)
	}
	return b
}
