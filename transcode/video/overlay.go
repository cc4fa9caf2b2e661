package video

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"weir/pipeline"
	"weir/transcode/overlay"
	"weir/transcode/wire"
)

// Overlay is a picture or a text that is laid over the pictures. All places and sizes are
// in percent.
type Overlay struct {
	Picture string  `yaml:"picture" json:"picture" doc:"A picture, PNG or JPEG, relative to server.files."`
	Text    string  `yaml:"text" json:"text" doc:"A line of text; {clock}, {date} and {title} stand for what they say."`
	X       float64 `yaml:"x" json:"x" doc:"Where from left to right, in percent: 0 is at the left edge, 50 in the middle, 100 at the right edge."`
	Y       float64 `yaml:"y" json:"y" doc:"Where from top to bottom, in percent."`
	Width   float64 `yaml:"width" json:"width" doc:"The width of a picture in percent of the whole, or the most that a text may have; 0 is as wide as it is."`
	Opacity float64 `yaml:"opacity" json:"opacity" doc:"The opacity in percent; 0 is 100."`
	// What follows is of texts.
	Size       float64 `yaml:"size" json:"size" doc:"The height of a text's line in percent of the whole; 0 is 5."`
	Bold       bool    `yaml:"bold" json:"bold" doc:"Take the bold font."`
	Color      string  `yaml:"color" json:"color" doc:"The colour of the letters, #rrggbb or #rrggbbaa; white if it is left out."`
	Background string  `yaml:"background" json:"background" doc:"The colour of a box behind the text, #rrggbb or #rrggbbaa; none if it is left out."`
}

const (
	mostOverlays = 16
	// usualSize is the Size of a text that has none.
	usualSize = 5
)

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// problems is everything that is wrong. Under is what leads to the field.
func (o *Overlay) problems(under string) (errs []error) {
	wrong := func(field, format string, args ...any) {
		errs = append(errs, pipeline.Fieldf(under+field, format, args...))
	}
	if (o.Picture == "") == (o.Text == "") {
		wrong("text", "an overlay is either a picture or a text")
	}
	for _, p := range []struct {
		field string
		value float64
	}{{"x", o.X}, {"y", o.Y}, {"width", o.Width}, {"opacity", o.Opacity}, {"size", o.Size}} {
		if !(p.value >= 0 && p.value <= 100) {
			wrong(p.field, "%g is not between 0 and 100 percent", p.value)
		}
	}
	if n := len([]rune(o.Text)); n > overlay.MaxRunes {
		wrong("text", "%d characters are more than %d", n, overlay.MaxRunes)
	}
	for _, word := range placeholder.FindAllString(o.Text, -1) {
		if !strings.Contains("{clock}{date}{title}", word) {
			wrong("text", "%s stands for nothing: there are {clock}, {date} and {title}", word)
		}
	}
	for _, c := range []struct{ field, value string }{{"color", o.Color}, {"background", o.Background}} {
		if c.value == "" {
			continue
		}
		if _, err := wire.Color(c.value); err != nil {
			wrong(c.field, "%w", err)
		}
	}
	return errs
}

func (c *Config) overlayProblems() (errs []error) {
	if n := len(c.Overlays); n > mostOverlays {
		errs = append(errs, pipeline.Fieldf("overlays", "%d overlays are more than %d", n, mostOverlays))
	}
	for i := range c.Overlays {
		errs = append(errs, c.Overlays[i].problems(fmt.Sprintf("overlays[%d].", i))...)
	}
	return errs
}

// said is a text with what its placeholders stand for.
func (o *Overlay) said(title string, now time.Time) string {
	return strings.NewReplacer("{clock}", now.Format(time.TimeOnly), "{date}", now.Format(time.DateOnly), "{title}", title).Replace(o.Text)
}

// spec says how a text looks in pictures of that size.
func (o *Overlay) spec(text string, width, height int) overlay.Spec {
	size := o.Size
	if size == 0 {
		size = usualSize
	}
	s := overlay.Spec{
		Text: text, Bold: o.Bold, Width: width,
		Size: min(max(size/100*float64(height), overlay.MinSize), overlay.MaxSize),
	}
	if o.Width > 0 {
		s.Width = max(1, int(o.Width/100*float64(width)))
	}
	if c, err := wire.Color(o.Color); err == nil {
		s.Color = c
	}
	if c, err := wire.Color(o.Background); err == nil {
		s.Background = c
		s.Padding = min(int(s.Size/4), overlay.MaxPadding)
	}
	return s
}
