package observe

import (
	"context"
	"net/http"
	"strings"
	"time"

	"weir/control/rest"
)

// Times of a connection.
const (
	// beat is how often something is sent, so that nobody in between takes the connection
	// for dead.
	beat = 15 * time.Second
	// life is how long a connection lasts. Whoever comes back must show again who he is.
	life = 10 * time.Minute
)

// maxListeners is how many connections there may be at once.
const maxListeners = 256

// feed is one connection of server-sent events (WHATWG HTML, section 9.2).
type feed struct {
	observer *Observer
	topics   *topics
	reader   *Reader
	w        http.ResponseWriter
	ctl      *http.ResponseController
	out      strings.Builder
	seen     *Sample

	stats, streams delta
	graphs         []delta
}

// listen makes a feed of what comes from now on, or behind the event of an ID.
func (o *Observer) listen(t *topics, after string) *feed {
	f := &feed{observer: o, topics: t, graphs: make([]delta, len(t.graphs))}
	if f.reader = o.log.Tail(); after != "" {
		f.reader = o.log.After(after)
	}
	return f
}

// serve sends until the peer goes, its credentials end, the Log ends or it is time to come
// back.
func (f *feed) serve(ctx context.Context, w http.ResponseWriter) {
	f.w, f.ctl = w, http.NewResponseController(w)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx
	w.WriteHeader(http.StatusOK)
	f.out.WriteString("retry: 2000\n\n")
	until := time.Now().Add(life)
	if end := f.topics.caller.Expires; !end.IsZero() && end.Before(until) {
		until = end
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	beats := time.NewTicker(beat)
	defer beats.Stop()
	for {
		sample, next := f.observer.Latest()
		f.sample(sample)
		if err := f.events(); err != nil || f.flush() != nil {
			return
		}
		if !f.topics.samples() {
			next = nil
		}
		select {
		case <-f.reader.Ready():
		case <-next:
		case <-beats.C:
			f.out.WriteString(": beat\n\n")
		case <-f.topics.caller.Over: // a nil channel never is ready
			return
		case <-ctx.Done():
			return
		}
	}
}

// flush sends what there is. Between two messages there is no deadline: the peer has
// nothing to take then.
func (f *feed) flush() error {
	if f.out.Len() == 0 {
		return nil
	}
	_, err := f.w.Write([]byte(f.out.String()))
	f.out.Reset()
	if err == nil {
		err = f.ctl.Flush()
	}
	_ = f.ctl.SetWriteDeadline(time.Time{}) // a recorder in a test has none
	return err
}

func (f *feed) events() error {
	events, lost, err := f.reader.Take()
	if lost {
		f.put("", "lost", encode(message{Type: "lost", Timestamp: time.Now().UTC()}))
	}
	for i := range events {
		if e := &events[i]; f.topics.wants(e) {
			f.put(e.ID, e.Type, e.JSON())
		}
	}
	return err
}

// sample sends what of a Sample is asked for and new.
func (f *feed) sample(s *Sample) {
	if s == f.seen || s.At.IsZero() {
		return
	}
	f.seen = s
	say := func(kind, stream string, data any) {
		f.put("", kind, encode(message{kind, s.At.UTC(), stream, data}))
	}
	if f.topics.stats {
		if d := f.stats.stats(s, func(l *line) []byte { return l.stat }, f.topics.caller.Sees); d != nil {
			say("stats", "", d)
		}
	}
	if f.topics.streams {
		if d := f.streams.stats(s, func(l *line) []byte { return l.stream }, f.topics.caller.Sees); d != nil {
			say("streams", "", d)
		}
	}
	for i, path := range f.topics.graphs {
		if d := f.graphs[i].graph(s, path); d != nil {
			say("graph:"+path, path, d)
		}
	}
}

// put adds a message. JSON has no line breaks, and types and IDs are ours.
func (f *feed) put(id, kind string, data []byte) {
	if id != "" {
		f.out.WriteString("id: " + id + "\n")
	}
	f.out.WriteString("event: " + kind + "\ndata: ")
	f.out.Write(data)
	f.out.WriteString("\n\n")
}

// full says that there are as many listeners as may be.
func full() error {
	return rest.Fail(http.StatusServiceUnavailable, "too_many_listeners", "As many listen to events as may. Close other pages, or try again later.")
}
