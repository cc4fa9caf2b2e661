//go:build libav && cgo

package av

import (
	"time"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// programme is the track of pictures that a mix makes.
type programme struct {
	mixer  *mixer
	canvas *canvas
	ladder *ladder
	source *media.Track // the canvas, as a track
	milli  int64        // frames in 1000 s
}

func newProgramme(m *mixer) *programme {
	mix := *m.job.Mix
	return &programme{
		mixer: m, canvas: newCanvas(mix), ladder: newLadder(m.job, m.out), milli: int64(mix.FPS*1000 + 0.5),
		source: &media.Track{ID: mixedPictures, Layers: []media.Layer{{Width: mix.Width, Height: mix.Height, FPS: mix.FPS}}},
	}
}

func (p *programme) kind() media.Kind { return media.KindVideo }

// pts is when frame number n is shown.
func (p *programme) pts(n int64) media.Ticks {
	return media.Ticks(floorDiv(n*int64(media.VideoRate)*1000, p.milli))
}

func (p *programme) at(n int64) time.Duration { return media.VideoRate.Duration(p.pts(n)) }

func (p *programme) compose(n int64, wishes []wire.Message) error {
	for _, w := range wishes {
		switch w := w.(type) {
		case wire.Keyframe:
			p.ladder.keyframe(w.Layer)
		case wire.Control:
			p.ladder.control(w)
		}
	}
	pts := p.pts(n)
	s, shots := stamp{pts: pts}, make(map[media.TrackID]shot)
	views := p.mixer.seen()
	for id, v := range views {
		shot, fresh := v.at(pts)
		shots[id] = shot
		if fresh.arrived.After(s.arrived) {
			s.capture, s.arrived = fresh.capture, fresh.arrived
		}
	}
	f, err := p.canvas.draw(p.mixer.scenery.now.Load(), pts, func(id media.TrackID) shot { return shots[id] })
	if err != nil {
		return err
	}
	for id, v := range views {
		v.want(p.canvas.cuts[id])
	}
	var late time.Duration
	if !s.arrived.IsZero() { // in real time
		late = p.mixer.clock.late(p.at(n))
	}
	return p.ladder.show(f, s, late, p.source)
}

func (p *programme) end(bool) error {
	err := p.ladder.end()
	p.canvas.free()
	return err
}
