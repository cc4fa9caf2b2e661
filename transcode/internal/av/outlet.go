//go:build libav && cgo

package av

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// outlet is where all lanes put what they make. Its methods are safe for concurrent
// use.
type outlet struct {
	framesIn, framesOut, dropped, damaged atomic.Uint64

	leftOut atomic.Pointer[string]

	mu   sync.Mutex // guards what is below
	send func(wire.Message) error
	err  error // of send, for good
	set  media.TrackSet
}

// announce says that what is made of a track is t from here on, or with nil t that
// nothing is made of it any more.
func (o *outlet) announce(id media.TrackID, t *media.Track) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	next := &media.TrackSet{Version: o.set.Version + 1}
	found := false
	for _, old := range o.set.Tracks {
		if old.ID == id {
			if found = true; t == nil {
				continue
			}
			old = t
		}
		next.Tracks = append(next.Tracks, old)
	}
	if !found {
		if t == nil {
			return o.err
		}
		next.Tracks = append(next.Tracks, t)
	}
	o.set = *next
	return o.put(wire.Tracks{TrackSet: next})
}

// unit sends a unit of a track that was announced.
func (o *outlet) unit(u *media.Unit) error {
	o.framesOut.Add(1)
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.put(wire.Unit{Unit: u})
}

func (o *outlet) message(m wire.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.put(m)
}

// warn logs a line, with pairs of keys and values.
func (o *outlet) warn(text string, pairs ...string) {
	l := wire.Log{Level: slog.LevelWarn, Message: text, Attrs: make(map[string]string, len(pairs)/2)}
	for i := 0; i+1 < len(pairs); i += 2 {
		l.Attrs[pairs[i]] = pairs[i+1]
	}
	_ = o.message(l) // the error is kept
}

// shed says what is left out from now on since there is no time for it; "" is nothing.
func (o *outlet) shed(what string) {
	o.leftOut.Store(&what)
	if what == "" {
		_ = o.message(wire.Log{Level: slog.LevelInfo, Message: "there is time for all pictures again"})
		return
	}
	o.warn("there is no time for all pictures", "left_out", what)
}

func (o *outlet) put(m wire.Message) error {
	if o.err == nil {
		o.err = o.send(m)
	}
	return o.err
}
