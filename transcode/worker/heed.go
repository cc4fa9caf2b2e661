package worker

import (
	"context"
	"slices"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// listen passes on what consumers want: to the source what is the source's, to the
// worker what is the worker's.
func (c *Converter) listen(ctx context.Context) {
	for {
		select {
		case f := <-c.out.Feedback():
			c.heed(f)
		case <-ctx.Done():
			return
		}
	}
}

func (c *Converter) heed(f media.Feedback) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch f := f.(type) {
	case media.KeyframeRequest:
		layer, ours := c.whose(f.Track, f.Layer)
		if !ours {
			c.in.Ask(media.KeyframeRequest{Track: f.Track, Layer: layer})
			return
		}
		if made := c.work.made; made.Track(f.Track) != nil {
			c.work.Keyframe(uint16(slices.Index(made.Tracks, made.Track(f.Track))), layer)
		}
	case media.LayerHint:
		if layer, ours := c.whose(f.Track, f.Layer); ours {
			paused := !f.Wanted
			c.work.Control(wire.Control{Track: f.Track, Layer: layer, Paused: &paused})
		} else if l := c.lane(f.Track); l != nil && !l.needs {
			c.in.Ask(f)
		}
	case media.BitrateHint:
		if layer, ours := c.whose(f.Track, f.Layer); ours {
			c.work.Limit(c.work.made.Track(f.Track), layer, f.Bitrate)
		} else if l := c.lane(f.Track); l != nil && !l.needs {
			c.in.Ask(f)
		}
	}
}

// whose says which layer of which side a layer that leaves is made of: of the worker's
// track if it is ours, else of the source's.
func (c *Converter) whose(id media.TrackID, layer int8) (of int8, ours bool) {
	l := c.lane(id)
	switch {
	case l == nil || !l.needs || c.work == nil:
		return layer, false
	case l.top == Others && layer == l.layer && l.out != l.alone:
		return 0, true
	case l.top == Others:
		return layer, false
	case l.out == l.alone && l.alone != nil, layer == l.top:
		return l.layer, false
	case l.top == NoSource:
		return layer, true
	case layer > l.top:
		return layer - 1, true
	default:
		return layer, true
	}
}
