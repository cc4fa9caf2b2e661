package mixer

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/transcode/mixer/layout"
	"weir/transcode/rendition"
)

// fields are those that an error is about.
func fields(err error) (all []string) {
	switch joined := err.(type) { //nolint:errorlint // each of them is wanted
	case nil:
	case interface{ Unwrap() []error }:
		for _, e := range joined.Unwrap() {
			all = append(all, fields(e)...)
		}
	default:
		var fe, inner *pipeline.FieldError
		if !errors.As(err, &fe) {
			return []string{err.Error()}
		}
		field := fe.Field
		if errors.As(fe.Err, &inner) {
			field += "." + inner.Field
		}
		all = []string{field}
	}
	return all
}

func TestValidate(t *testing.T) {
	box := Box{Width: 50, Height: 50}
	scene := func(change func(*Box)) func(*Config) {
		return func(c *Config) {
			b := box
			change(&b)
			c.Scenes = map[string]Scene{"x": {Boxes: []Box{b}}}
		}
	}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"good":            {func(*Config) {}, ""},
		"good scene":      {scene(func(b *Box) { b.X = 50; b.Width = 50.04 }), ""},
		"size":            {func(c *Config) { c.Size.Height = 721 }, "size"},
		"rate":            {func(c *Config) { c.FPS = math.NaN() }, "fps"},
		"background":      {func(c *Config) { c.Background = "blue" }, "background"},
		"layout":          {func(c *Config) { c.Layout = "heap" }, "layout"},
		"fade":            {func(c *Config) { c.Fade = time.Minute }, "fade"},
		"latency":         {func(c *Config) { c.Latency = -1 }, "latency"},
		"key frames":      {func(c *Config) { c.KeyframeEvery = 0 }, "keyframe_every"},
		"preset":          {func(c *Config) { c.Preset = "placebo" }, "preset"},
		"no layers":       {func(c *Config) { c.Layers = nil }, "layers"},
		"layer":           {func(c *Config) { c.Layers = []rendition.Layer{{Name: "x", Height: 3}} }, "layers[0].height"},
		"sound":           {func(c *Config) { c.Audio.Codec = "mp3" }, "audio.codec"},
		"gain":            {func(c *Config) { c.Inputs = map[string]Input{"a": {Gain: 100}} }, "inputs.a.gain"},
		"label":           {func(c *Config) { c.Inputs = map[string]Input{"a": {Label: strings.Repeat("x", 81)}} }, "inputs.a.label"},
		"a layout's name": {func(c *Config) { c.Scenes = map[string]Scene{"grid": {Boxes: []Box{box}}} }, "scenes.grid"},
		"scene's name":    {func(c *Config) { c.Scenes = map[string]Scene{"Große": {Boxes: []Box{box}}} }, "scenes.Große"},
		"no boxes":        {func(c *Config) { c.Scenes = map[string]Scene{"x": {}} }, "scenes.x.boxes"},
		"scene's colour": {func(c *Config) {
			c.Scenes = map[string]Scene{"x": {Background: "#1", Boxes: []Box{box}}}
		}, "scenes.x.background"},
		"flat":        {scene(func(b *Box) { b.Height = 0 }), "scenes.x.boxes[0].height"},
		"right":       {scene(func(b *Box) { b.X = 51 }), "scenes.x.boxes[0].x"},
		"above":       {scene(func(b *Box) { b.Y = -1 }), "scenes.x.boxes[0].y"},
		"no number":   {scene(func(b *Box) { b.X = math.NaN() }), "scenes.x.boxes[0].x"},
		"depth":       {scene(func(b *Box) { b.Z = 2000 }), "scenes.x.boxes[0].z"},
		"fit":         {scene(func(b *Box) { b.Fit = "stretch" }), "scenes.x.boxes[0].fit"},
		"border":      {scene(func(b *Box) { b.Border = 50 }), "scenes.x.boxes[0].border"},
		"colour":      {scene(func(b *Box) { b.BorderColor = "red" }), "scenes.x.boxes[0].border_color"},
		"both":        {scene(func(b *Box) { b.Speaker, b.Input = true, "a" }), "scenes.x.boxes[0].speaker"},
		"whose group": {scene(func(b *Box) { b.Group = "a" }), "scenes.x.boxes[0].group"},
	} {
		cfg := defaults()
		c.change(&cfg)
		if got := strings.Join(fields(cfg.Validate()), " "); got != c.want {
			t.Errorf("%s: %q is wrong, want %q", name, got, c.want)
		}
	}
}

func TestCheckInputs(t *testing.T) {
	c := defaults()
	c.Inputs = map[string]Input{"a": {}, "x": {}}
	c.Scenes = map[string]Scene{"s": {Boxes: []Box{{Input: "b"}, {Input: "y"}, {}, {Speaker: true}}}}
	if got, want := fields(c.checkInputs([]string{"a", "b"})), []string{"inputs.x", "scenes.s.boxes[1].input"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// people are participants who are called so.
func people(names ...string) (all []*participant) {
	for _, name := range names {
		input, group, _ := strings.Cut(name, "/")
		t := &media.Track{ID: "video", Group: group, Codec: media.CodecH264, Form: media.FormAccess, Layers: []media.Layer{{}}}
		all = append(all, &participant{name: name, input: input, group: group, video: newLane(input, name, t)})
	}
	return all
}

// Boxes take who they are for: by name, by voice, and then by turn.
func TestScenes(t *testing.T) {
	at := func(x float64, b Box) Box { b.X, b.Width, b.Height = x, 10, 10; return b }
	scene := Scene{Boxes: []Box{
		at(0, Box{}), at(10, Box{Speaker: true}), at(20, Box{Input: "b"}), at(30, Box{}), at(40, Box{Input: "c", Group: "y", Label: "Guest"}),
	}}
	for _, c := range []struct {
		who   []string
		floor string
		want  string
	}{
		{nil, "", ""},
		{[]string{"a"}, "", "a@10"},
		{[]string{"a", "b"}, "a", "a@10 b@20"},
		{[]string{"a", "b"}, "b", "a@0 b@20"},
		{[]string{"a", "b", "c/x", "c/y"}, "c/x", "a@0 c/x@10:x b@20 c/y@40:Guest"},
		{[]string{"a", "b", "d", "e", "f"}, "e", "a@0 e@10 b@20 d@30"},
	} {
		cfg := defaults()
		cfg.Layout, cfg.Scenes = "s", map[string]Scene{"s": scene}
		var got []string
		for _, p := range cfg.arrange(people(c.who...), c.floor) {
			text := fmt.Sprintf("%s@%d", p.name, p.X*100/1280)
			if p.label != "" {
				text += ":" + p.label
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q, %q speaking: %q, want %q", c.who, c.floor, got, c.want)
		}
	}
}

// A box in percent is one in even pixels within the canvas.
func TestBoxesAreEven(t *testing.T) {
	for _, c := range []layout.Canvas{{Width: 1280, Height: 720}, {Width: 426, Height: 240}, {Width: 128, Height: 128}} {
		for _, b := range []Box{
			{Width: 100, Height: 100},
			{X: 33.3, Width: 33.4, Y: 66.7, Height: 33.34},
			{X: 99.99, Y: 99.99, Width: 0.01, Height: 0.01},
			{X: 100, Y: 0, Width: 0.04, Height: 100},
		} {
			p := b.on(c)
			if p.X%2+p.Y%2+p.Width%2+p.Height%2 != 0 || p.X < 0 || p.Width < 2 || p.Height < 2 || p.X+p.Width > c.Width || p.Y+p.Height > c.Height {
				t.Errorf("%+v on %v is %+v", b, c, p)
			}
		}
	}
}

// There is a sprite for each text, and one that is not needed gives way.
func TestSigns(t *testing.T) {
	s := newSigns(Size{1280, 720}, write, nil)
	for i := range 200 {
		s.begin()
		if s.sign(motif{text: noSignal}) == nil || s.sign(motif{text: fmt.Sprint(i)}) == nil {
			t.Fatal("there is no place for a text")
		}
	}
	ids := make(map[uint16]bool)
	for _, sprite := range s.fresh() {
		ids[sprite.ID] = true
		if sprite.Width == 0 || len(sprite.Pixels) != 4*sprite.Width*sprite.Height {
			t.Fatalf("%dx%d of %d bytes", sprite.Width, sprite.Height, len(sprite.Pixels))
		}
	}
	if len(ids) > 64 || len(s.fresh()) != 0 {
		t.Errorf("%d sprites", len(ids))
	}
	place, ok := s.ground(Scene{Background: "#204060"})
	if g := s.known[motif{colour: "#204060"}]; !ok || place.Width != 1 || g.width*9 != g.height*16 {
		t.Errorf("%+v, %+v", place, g)
	}
}

// A picture fills the canvas, whatever its shape; one that is not there is asked for once.
func TestPictureOfAScene(t *testing.T) {
	for shape, want := range map[image.Point]image.Point{
		{X: 100, Y: 100}: {X: 100, Y: 57}, {X: 1000, Y: 90}: {X: 160, Y: 90}, {X: 16, Y: 9}: {X: 16, Y: 9}, {X: 1, Y: 1000}: {X: 1, Y: 1}, {X: 9, Y: 1}: {X: 1, Y: 1},
	} {
		s := newSigns(Size{1280, 720}, write, func(string) *image.NRGBA { return image.NewNRGBA(image.Rectangle{Max: shape}) })
		place, ok := s.ground(Scene{Picture: "wall.png", Background: "#204060"})
		g := s.known[motif{picture: "wall.png"}]
		if !ok || g == nil || place.Width != 1 || place.Sprite != g.id || (image.Point{X: g.width, Y: g.height}) != want {
			t.Errorf("%v: %+v, %+v", shape, place, g)
		}
	}
	asked := 0
	s := newSigns(Size{1280, 720}, write, func(string) *image.NRGBA { asked++; return nil })
	for range 3 {
		s.begin()
		if _, ok := s.ground(Scene{Picture: "wall.png", Background: "#204060"}); !ok || s.known[motif{colour: "#204060"}] == nil {
			t.Error("there is no colour in the place of a missing picture")
		}
		if _, ok := s.ground(Scene{Picture: "wall.png"}); ok || asked != 1 {
			t.Errorf("asked %d times", asked)
		}
	}
}

// Pictures are beneath the directory of files, and nowhere else.
func TestPictureFromAFile(t *testing.T) {
	dir := t.TempDir()
	files := filepath.Join(dir, "files")
	var wall bytes.Buffer
	if err := errors.Join(png.Encode(&wall, image.NewNRGBA(image.Rect(0, 0, 32, 18))), os.Mkdir(files, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"outside.png", "files/wall.png"} {
		if err := os.WriteFile(filepath.Join(dir, name), wall.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := newStage(defaults(), pipeline.Env{Log: slog.New(slog.DiscardHandler)}, nil, files)
	for name, want := range map[string]bool{"wall.png": true, "../outside.png": false, "none.png": false, ".": false} {
		if _, ok := s.signs.ground(Scene{Picture: name}); ok != want {
			t.Errorf("%s: %t", name, ok)
		}
	}
}

// What is declared is admitted before it comes, and a canvas costs what it encodes.
func TestCores(t *testing.T) {
	c := defaults()
	none, three := c.cores(nil, 3), c.cores(people("a", "b", "c"), 3)
	if none < 0.3 || none > 1 || three < none {
		t.Errorf("%g cores for three inputs to come, %g when they are there", none, three)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]string{"1280x720": "1280x720", "1280": "", "x": "", "1280x-2": "", "99999x2": "", "1280x720x2": ""} {
		var s Size
		err := s.UnmarshalText([]byte(text))
		if got := s.String(); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
}
