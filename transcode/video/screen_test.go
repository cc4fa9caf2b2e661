package video

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// wall is a projector that knows what can be seen on it.
type wall struct {
	t       *testing.T
	mu      sync.Mutex // guards what follows
	sprites map[uint16]wire.Sprite
	scene   wire.Scene
	scenes  int
	drawn   int
}

func newWall(t *testing.T) *wall { return &wall{t: t, sprites: make(map[uint16]wire.Sprite)} }

func (w *wall) Sprite(p wire.Sprite) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.Width == 0 {
		delete(w.sprites, p.ID)
		if slices.ContainsFunc(w.scene.Sprites, func(at wire.Place) bool { return at.Sprite == p.ID }) {
			w.t.Errorf("sprite %d is taken away while it is shown", p.ID)
		}
		return
	}
	if was, ok := w.sprites[p.ID]; ok && (was.Width != p.Width || was.Height != p.Height) {
		w.t.Errorf("sprite %d changes its shape where it is shown", p.ID)
	}
	w.sprites[p.ID] = p
	w.drawn++
}

func (w *wall) Scene(s wire.Scene) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, at := range s.Sprites {
		if _, ok := w.sprites[at.Sprite]; !ok {
			w.t.Errorf("a scene shows sprite %d, which there is not", at.Sprite)
		}
	}
	w.scene = s
	w.scenes++
}

func newScreen() *screen { return &screen{files: "testdata", log: slog.New(slog.DiscardHandler)} }

var hd = media.Layer{Width: 1280, Height: 720}

// An overlay is where its percents say, within the picture.
func TestPlaces(t *testing.T) {
	s, w := newScreen(), newWall(t)
	s.move(w, hd)
	s.change([]Overlay{
		{Picture: "logo.png", Width: 25},
		{Picture: "logo.png", Width: 25, X: 100, Y: 100, Opacity: 40},
		{Picture: "logo.png", X: 50, Y: 50},
		{Text: "{title}", X: 100},
		{Picture: "nowhere.png"},
	}, "live/studio")
	if len(w.scene.Sprites) != 4 || len(w.sprites) != 4 {
		t.Fatalf("%d places, %d sprites", len(w.scene.Sprites), len(w.sprites))
	}
	const high = 0.25 / 2 * 1280 / 720 // a sprite of twice the width
	for i, want := range []wire.Place{
		{Width: 0.25, Opacity: 1},
		{X: 0.75, Y: 1 - high, Width: 0.25, Opacity: 0.4},
		{X: 0.475, Y: 0.5 - 16.0/720, Width: 0.05, Opacity: 1},
	} {
		got := w.scene.Sprites[i]
		if far(got.X, want.X) || far(got.Y, want.Y) || far(got.Width, want.Width) || got.Opacity != want.Opacity || got.Z != i {
			t.Errorf("place %d is %+v, want %+v", i, got, want)
		}
	}
	if got := w.scene.Sprites[3]; far(got.X+got.Width, 1) || got.Y != 0 {
		t.Errorf("a text at the right edge is at %+v", got)
	}
}

func far(a, b float64) bool { return math.Abs(a-b) > 1e-9 }

// A clock goes on by itself, and only it is drawn anew.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newScreen(), newWall(t)
		ctx, cancel := context.WithCancel(t.Context())
		s.change([]Overlay{{Text: "{clock}", Background: "#000000"}, {Text: "still"}}, "")
		s.move(w, hd)
		go s.run(ctx)
		time.Sleep(10500 * time.Millisecond)
		cancel()
		synctest.Wait()
		if w.drawn != 2+10 || w.scenes != 1 {
			t.Errorf("%d sprites and %d scenes in ten seconds", w.drawn, w.scenes)
		}
	})
}

// What is changed is shown at once, whatever it is, and nothing is left behind.
func TestChange(t *testing.T) {
	s, w := newScreen(), newWall(t)
	s.move(w, hd)
	s.change([]Overlay{{Text: "one"}, {Picture: "logo.png"}}, "")
	s.change([]Overlay{{Text: "another one"}}, "")
	if len(w.sprites) != 1 || len(w.scene.Sprites) != 1 {
		t.Errorf("%d sprites, %d places", len(w.sprites), len(w.scene.Sprites))
	}
	small := w.scene.Sprites[0]
	s.move(w, media.Layer{Width: 640, Height: 360}) // the text is drawn anew
	if got := w.scene.Sprites[0]; got.Width < small.Width/2 || len(w.sprites) != 1 {
		t.Errorf("%+v became %+v, of %d sprites", small, got, len(w.sprites))
	}
	s.change(nil, "")
	if len(w.sprites) != 0 || len(w.scene.Sprites) != 0 {
		t.Errorf("%d sprites, %d places are left", len(w.sprites), len(w.scene.Sprites))
	}
	next := newWall(t)
	s.change([]Overlay{{Text: "one"}}, "")
	s.move(next, hd)
	if len(next.sprites) != 1 || next.scenes != 1 {
		t.Errorf("the next session has %d sprites", len(next.sprites))
	}
	s.move(nil, media.Layer{})
	s.change([]Overlay{{Text: "two"}}, "")
}
