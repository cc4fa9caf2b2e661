package video

import (
	"context"
	"image"
	"log/slog"
	"slices"
	"sync"
	"time"

	"weir/pipeline/media"
	"weir/transcode/overlay"
	"weir/transcode/rendition"
	"weir/transcode/wire"
	"weir/transcode/worker"
)

// projector is what shows sprites: a worker.Session.
type projector interface {
	Scene(s wire.Scene)
	Sprite(p wire.Sprite)
}

// screen keeps the overlays of a stage on its worker's pictures. Its methods may be
// called from any goroutine.
type screen struct {
	files string // where pictures are
	log   *slog.Logger

	mu       sync.Mutex // guards what follows
	overlays []Overlay
	title    string
	pictures map[string]*image.NRGBA // by name; nil is one that cannot be read
	on       projector               // nil while there is none
	width    int                     // of the source's pictures
	height   int
	shown    []shown // of each overlay
	places   []wire.Place
}

// shown is what a projector has of an overlay. It has two sprites of its own, so that
// one of another shape does not come into the place of the other.
type shown struct {
	text    overlay.Spec
	picture *image.NRGBA // nil is nothing
	second  bool         // the second of the two is shown
}

func (s shown) sprite(i int) uint16 {
	if s.second {
		return uint16(2*i + 1)
	}
	return uint16(2 * i)
}

// change shows other overlays from now on.
func (s *screen) change(overlays []Overlay, title string) {
	pictures := s.load(overlays)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	s.overlays, s.title, s.pictures = slices.Clone(overlays), title, pictures
	s.draw(time.Now())
}

// load reads the pictures. One that cannot be read is left out.
func (s *screen) load(overlays []Overlay) map[string]*image.NRGBA {
	pictures := make(map[string]*image.NRGBA)
	for _, o := range overlays {
		if _, known := pictures[o.Picture]; known || o.Picture == "" {
			continue
		}
		p, err := overlay.File(s.files, o.Picture)
		if err != nil {
			s.log.Error("an overlay is left out", "picture", o.Picture, "error", err)
		}
		pictures[o.Picture] = p
	}
	return pictures
}

// attend shows the overlays on another session's pictures of those tracks. It
// implements worker.Converter.Attend.
func (s *screen) attend(session *worker.Session, tracks []*media.Track) {
	if session == nil {
		s.move(nil, media.Layer{})
		return
	}
	s.move(session, rendition.Assumed(tracks[0].Layers[0]))
}

func (s *screen) move(to projector, source media.Layer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to != s.on {
		s.on, s.shown, s.places = to, nil, nil
	}
	s.width, s.height = source.Width, source.Height
	s.draw(time.Now())
}

// run shows what time it is, until ctx ends.
func (s *screen) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		s.mu.Lock()
		s.draw(now)
		s.mu.Unlock()
		timer.Reset(now.Truncate(time.Second).Add(time.Second).Sub(now))
	}
}

// draw brings the projector up to date. The caller holds s.mu.
func (s *screen) draw(now time.Time) {
	if s.on == nil || len(s.overlays) == 0 {
		return
	}
	if s.shown == nil {
		s.shown = make([]shown, len(s.overlays))
	}
	var gone []uint16
	var places []wire.Place
	for i := range s.overlays {
		o, before := &s.overlays[i], s.shown[i]
		next := s.look(o, before, now)
		if next.picture != before.picture {
			if before.picture != nil && next.picture != nil && next.picture.Rect != before.picture.Rect {
				gone = append(gone, before.sprite(i))
				next.second = !before.second
			}
			if next.picture != nil {
				s.on.Sprite(sprite(next.sprite(i), next.picture))
			}
			s.shown[i] = next
		}
		if next.picture != nil {
			places = append(places, s.place(o, next.sprite(i), i, next.picture.Rect))
		}
	}
	if !slices.Equal(places, s.places) {
		s.places = places
		s.on.Scene(wire.Scene{Sprites: slices.Clone(places)})
	}
	for _, id := range gone {
		s.on.Sprite(wire.Sprite{ID: id})
	}
}

// look is how an overlay looks now: as before, if nothing has changed.
func (s *screen) look(o *Overlay, before shown, now time.Time) shown {
	next := before
	if o.Picture != "" {
		next.picture = s.pictures[o.Picture]
		return next
	}
	next.text = o.spec(o.said(s.title, now), s.width, s.height)
	if before.picture != nil && next.text == before.text {
		return next
	}
	if p, err := overlay.Text(next.text); err == nil {
		next.picture = p
	}
	return next
}

func sprite(id uint16, p *image.NRGBA) wire.Sprite {
	return wire.Sprite{ID: id, Width: p.Rect.Dx(), Height: p.Rect.Dy(), Pixels: p.Pix}
}

// place is where a sprite of that size is shown. Later overlays are nearer.
func (s *screen) place(o *Overlay, id uint16, z int, size image.Rectangle) wire.Place {
	w, h := float64(size.Dx())/float64(s.width), float64(size.Dy())/float64(s.height)
	wide := min(1, w)
	if o.Picture != "" && o.Width > 0 {
		wide = o.Width / 100
	}
	if high := h * wide / w; high > 1 {
		wide /= high
	}
	high := h * wide / w
	p := wire.Place{Sprite: id, X: o.X / 100 * (1 - wide), Y: o.Y / 100 * (1 - high), Width: wide, Z: z, Opacity: 1}
	if o.Opacity > 0 {
		p.Opacity = o.Opacity / 100
	}
	return p
}

// clear takes all overlays away. The caller holds s.mu.
func (s *screen) clear() {
	if s.on != nil && len(s.places) > 0 {
		s.on.Scene(wire.Scene{})
		for i, was := range s.shown {
			if was.picture != nil {
				s.on.Sprite(wire.Sprite{ID: was.sprite(i)})
			}
		}
	}
	s.shown, s.places = nil, nil
}
