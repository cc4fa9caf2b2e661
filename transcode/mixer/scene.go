package mixer

import (
	"fmt"
	"regexp"
	"slices"

	"weir/pipeline"
	"weir/transcode/mixer/layout"
)

// Scene is a layout of the user's own. A box whose participant is not there is not
// shown; a participant without a box is heard, and not seen.
type Scene struct {
	Background string `yaml:"background" json:"background" doc:"The colour where no picture is, as #rrggbb, instead of the canvas's."`
	Picture    string `yaml:"picture" json:"picture" doc:"A picture behind all others, PNG or JPEG, relative to server.files; what of it does not have the canvas's shape is cut off."`
	Boxes      []Box  `yaml:"boxes" json:"boxes" doc:"Where pictures are shown."`
}

// Box is a place for a picture. All lengths are in percent of the canvas.
type Box struct {
	Input   string `yaml:"input" json:"input" doc:"The stage whose picture it is; without it, the next one that has no box of its own."`
	Group   string `yaml:"group" json:"group" doc:"Which participant of the input, if it has several."`
	Speaker bool   `yaml:"speaker" json:"speaker" doc:"Whether it shows the one who speaks, instead of an input."`

	X      float64 `yaml:"x" json:"x" doc:"The left edge, in percent of the canvas's width."`
	Y      float64 `yaml:"y" json:"y" doc:"The upper edge, in percent of the canvas's height."`
	Width  float64 `yaml:"width" json:"width" doc:"The width, in percent of the canvas's width."`
	Height float64 `yaml:"height" json:"height" doc:"The height, in percent of the canvas's height."`
	Z      int     `yaml:"z" json:"z" doc:"What is higher is nearer."`
	Fit    string  `yaml:"fit" json:"fit" enum:"fit,crop" doc:"Whether the whole picture is fitted in, or the box is filled and what is over cut off; fit unless set."`

	Border      float64 `yaml:"border" json:"border" doc:"The width of a border within the box, in percent of the canvas's height."`
	BorderColor string  `yaml:"border_color" json:"border_color" doc:"The colour of the border, as #rrggbb; white unless set."`
	Label       string  `yaml:"label" json:"label" doc:"What is written in it, instead of the input's label."`
}

// Bounds of a box, which keep what is nearer or further apart from the labels between.
const (
	mostZ      = 1000
	mostBorder = 10.0
	// rounding is how far over the edge a box may be by 33.34 * 3.
	rounding = 0.05
)

var sceneName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

// problems is everything that is wrong with the scene of that name.
func (s Scene) problems(name string) (errs []error) {
	field := "scenes." + name
	if !sceneName.MatchString(name) {
		errs = append(errs, pipeline.Fieldf(field, "%q is no name for a scene", name).
			WithHint("use small letters, digits, _ and -, starting with a letter, 32 at most"))
	}
	if slices.Contains(layout.Names(), layout.Name(name)) {
		errs = append(errs, pipeline.Fieldf(field, "%s is a layout already", name).WithHint("give the scene another name"))
	}
	if n := len(s.Boxes); n < 1 || n > layout.Most {
		errs = append(errs, pipeline.Fieldf(field+".boxes", "%d boxes are not between 1 and %d", n, layout.Most))
	}
	errs = append(errs, colourProblem(field+".background", s.Background)...)
	for i, b := range s.Boxes {
		errs = append(errs, b.problems(fmt.Sprintf("%s.boxes[%d].", field, i))...)
	}
	return errs
}

func (b Box) problems(field string) (errs []error) {
	wrong := func(name, format string, args ...any) {
		errs = append(errs, pipeline.Fieldf(field+name, format, args...))
	}
	if b.Speaker && (b.Input != "" || b.Group != "") {
		wrong("speaker", "a box shows an input or the one who speaks, and not both")
	}
	if b.Group != "" && b.Input == "" {
		wrong("group", "a group is one of an input's: the box names none")
	}
	if !(b.Width > 0) {
		wrong("width", "a box %g%% wide shows nothing", b.Width)
	}
	if !(b.Height > 0) {
		wrong("height", "a box %g%% high shows nothing", b.Height)
	}
	if !(b.X >= 0 && b.X+b.Width <= 100+rounding) {
		wrong("x", "the box reaches from %g%% to %g%% of the canvas's width, and so beyond its edge", b.X, b.X+b.Width)
	}
	if !(b.Y >= 0 && b.Y+b.Height <= 100+rounding) {
		wrong("y", "the box reaches from %g%% to %g%% of the canvas's height, and so beyond its edge", b.Y, b.Y+b.Height)
	}
	if b.Z < -mostZ || b.Z > mostZ {
		wrong("z", "%d is not between %d and %d", b.Z, -mostZ, mostZ)
	}
	if b.Fit != "" && b.Fit != "fit" && b.Fit != "crop" {
		wrong("fit", "%q is neither fit nor crop", b.Fit)
	}
	if !(b.Border >= 0 && b.Border <= mostBorder) {
		wrong("border", "%g%% is not between 0 and %g%%", b.Border, mostBorder)
	}
	errs = append(errs, colourProblem(field+"border_color", b.BorderColor)...)
	return append(errs, labelProblem(field+"label", b.Label)...)
}

// on is the box on a canvas, in even pixels.
func (b Box) on(c layout.Canvas) layout.Box {
	edge := func(percent float64, of int) int { return min(of, int(percent*float64(of)/100+0.5)) &^ 1 }
	x, y := min(edge(b.X, c.Width), c.Width-2), min(edge(b.Y, c.Height), c.Height-2)
	return layout.Box{
		X: x, Y: y, Z: b.Z, Crop: b.Fit == "crop",
		Width:  max(2, edge(b.X+b.Width, c.Width)-x),
		Height: max(2, edge(b.Y+b.Height, c.Height)-y),
	}
}
