package workertest

import (
	"time"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// beat is how often a test card of the worker has a unit of each track.
const beat = 20 * time.Millisecond

// draw makes the units of a test card, in real time.
func (w *fake) draw(stop <-chan struct{}) {
	epoch := w.job.Test.Epoch.Time
	if epoch.IsZero() {
		epoch = time.Now()
	}
	set := cardTracks(w.job)
	if err := w.say(func() error {
		w.set = Made(set, w.job)
		return w.out.Write(wire.Tracks{TrackSet: w.set})
	}); err != nil {
		return
	}
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			for _, t := range set.Tracks {
				pts := t.Rate.Ticks(now.Sub(epoch).Truncate(beat))
				u := &media.Unit{Track: t, PTS: pts, DTS: pts, Capture: now, Arrived: now, Flags: media.FrameEnd, Access: [][]byte{{1}}}
				if w.say(func() error { return w.unit(u) }) != nil {
					_ = w.conn.Close()
					return
				}
			}
		}
	}
}

// cardTracks are those of a test card.
func cardTracks(job wire.Job) *media.TrackSet {
	set := &media.TrackSet{Version: 1}
	if job.Video != nil {
		set.Tracks = append(set.Tracks, &media.Track{
			ID: "video", Codec: media.CodecH264, Form: media.FormAccess, Rate: media.VideoRate,
			Layers: []media.Layer{{Width: job.Test.Width, Height: job.Test.Height, FPS: job.Test.FPS}},
		})
	}
	if job.Audio != nil {
		set.Tracks = append(set.Tracks, &media.Track{ID: "audio", Codec: media.CodecOpus, Form: media.FormAccess, Rate: media.OpusRate, Channels: 2})
	}
	return set
}
