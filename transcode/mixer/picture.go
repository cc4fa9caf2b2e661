package mixer

import (
	"math"
	"slices"

	"weir/transcode/mixer/layout"
	"weir/transcode/wire"
)

// picture is a participant in a box.
type picture struct {
	*participant
	layout.Box

	border float64 // in parts of the canvas's height
	colour string
	label  string
}

// arrange puts those who are shown into the boxes of the configured layout or scene. The
// one who has the floor stands out, and the first before anybody has spoken.
func (c *Config) arrange(shown []*participant, floor string) []picture {
	canvas := layout.Canvas{Width: c.Size.Width, Height: c.Size.Height}
	first := max(0, slices.IndexFunc(shown, func(p *participant) bool { return p.name == floor }))
	if s, ok := c.Scenes[c.Layout]; ok {
		return s.arrange(canvas, shown, first, c.label)
	}
	var all []picture
	for i, b := range layout.Name(c.Layout).Boxes(canvas, len(shown), first) {
		all = append(all, picture{participant: shown[i], Box: b, label: c.label(shown[i])})
	}
	return all
}

// label is what is written in a participant's picture.
func (c *Config) label(p *participant) string {
	if l := c.Inputs[p.input].Label; l != "" || p.group == "" {
		return l
	}
	return p.group
}

// arrange puts into each box its participant: first those that are named, then the one
// who speaks, then the others, in order.
func (s Scene) arrange(canvas layout.Canvas, shown []*participant, first int, label func(*participant) string) []picture {
	all := make([]picture, len(s.Boxes))
	taken := make(map[*participant]bool)
	seat := func(i int, p *participant) {
		b := s.Boxes[i]
		taken[p] = true
		all[i] = picture{participant: p, Box: b.on(canvas), border: b.Border / 100, colour: b.BorderColor, label: label(p)}
		if b.Label != "" {
			all[i].label = b.Label
		}
		if b.BorderColor == "" {
			all[i].colour = "#ffffff"
		}
	}
	for i, b := range s.Boxes {
		if j := slices.IndexFunc(shown, func(p *participant) bool {
			return !taken[p] && p.input == b.Input && (b.Group == "" || p.group == b.Group)
		}); j >= 0 && !b.Speaker {
			seat(i, shown[j])
		}
	}
	for i, b := range s.Boxes {
		if b.Speaker && first < len(shown) && !taken[shown[first]] {
			seat(i, shown[first])
		}
	}
	for i, b := range s.Boxes {
		if b.Input != "" || b.Speaker {
			continue
		}
		if j := slices.IndexFunc(shown, func(p *participant) bool { return !taken[p] }); j >= 0 {
			seat(i, shown[j])
		}
	}
	return slices.DeleteFunc(all, func(p picture) bool { return p.participant == nil })
}

// box is what the worker is told of a picture. Between the depths of boxes is one for
// what is written on them.
func (p picture) box(canvas Size) wire.Box {
	w, h := float64(canvas.Width), float64(canvas.Height)
	return wire.Box{
		Track: p.video.given.ID, Z: 2 * p.Z, Crop: p.Crop, Opacity: 1,
		X: float64(p.X) / w, Y: float64(p.Y) / h, Width: float64(p.Width) / w, Height: float64(p.Height) / h,
		Border: p.border, BorderColor: p.colour,
	}
}

// factor is a gain in dB as the worker takes it.
func factor(dB float64) float64 { return min(math.Pow(10, dB/20), 8) }

// sounds are how the tracks of participants are mixed that are not mixed as they are.
func (c *Config) sounds(people []*participant) (all []wire.Sound) {
	for _, p := range people {
		in := c.Inputs[p.input]
		if in.Gain == 0 && !in.Mute {
			continue
		}
		for _, l := range p.audio {
			all = append(all, wire.Sound{Track: l.given.ID, Gain: factor(in.Gain), Mute: in.Mute})
		}
	}
	return all
}
