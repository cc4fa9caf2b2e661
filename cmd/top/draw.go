package top

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Screen is what a board is drawn for.
type Screen struct {
	Width, Height int // in characters; a Height of 0 has no end
	Colour        bool
	// Problem is why the newest board could not be had; "" if it could.
	Problem string
}

// The colours, as ANSI escape sequences.
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

// Rows is how many streams a screen has room for.
func (s *Screen) Rows() int {
	if s.Height == 0 {
		return maxGraphs
	}
	return max(s.Height-headLines-s.eventLines(), 1)
}

const headLines = 4 // two of the server, an empty one, and the heads of columns

// eventLines is how many lines events may take, with the empty one above.
func (s *Screen) eventLines() int {
	if s.Height < 16 {
		return 0
	}
	return min(6, s.Height/4)
}

// Draw is a board as lines that end with a newline.
func Draw(b *Board, s Screen) string {
	p := pen{Screen: s}
	p.head(b)
	p.table(b)
	if n := s.eventLines(); n > 1 && len(b.Events) > 0 {
		p.line()
		for _, e := range b.Events[:min(len(b.Events), n-1)] {
			p.line(cell(e.Timestamp.UTC().Format(time.TimeOnly), dim), cell(printable(e.Type), ""), cell(printable(strings.Trim(e.Stream+"#"+e.Stage, "#")), ""))
		}
	}
	return p.String()
}

// pen writes lines that are no longer than the screen is wide.
type pen struct {
	Screen
	strings.Builder
}

// piece is a text with its colour.
type piece struct{ text, colour string }

func cell(text, colour string) piece { return piece{text, colour} }

// line writes pieces with a space in between.
func (p *pen) line(pieces ...piece) {
	room := p.Width
	for i, c := range pieces {
		if i > 0 && room > 0 {
			p.WriteByte(' ')
			room--
		}
		text := cut(c.text, room)
		room -= utf8.RuneCountInString(text)
		if p.Colour && c.colour != "" && text != "" {
			text = c.colour + text + plain
		}
		p.WriteString(text)
	}
	p.WriteByte('\n')
}

func (p *pen) head(b *Board) {
	viewers, bitrate := 0, int64(0)
	for i := range b.Streams {
		viewers += b.Streams[i].Viewers
		bitrate += b.Streams[i].Bitrate
	}
	title := "weir"
	if b.Server.Version != "" {
		title += " " + printable(b.Server.Version)
	}
	title += " at " + b.Address
	if !b.Server.StartedAt.IsZero() {
		title += ", up " + lasting(b.At.Sub(b.Server.StartedAt))
	}
	p.line(cell(title, bold))
	sum := count(len(b.Streams), "stream") + ", " + count(viewers, "viewer") + ", " + rate(bitrate) + " in"
	if p.Problem != "" {
		p.line(cell(sum, ""), cell("as of "+b.At.UTC().Format(time.TimeOnly)+":", ""), cell(printable(p.Problem), red))
	} else {
		p.line(cell(sum, ""))
	}
	p.line()
}

// Widths of columns; what is left is for the outputs.
const (
	stateWide, viewersWide, rateWide, dropsWide = 9, 7, 10, 8
	fixed                                       = stateWide + viewersWide + rateWide + dropsWide + 4
)

func (p *pen) table(b *Board) {
	wide := len("STREAM")
	for i := range b.Streams {
		wide = max(wide, utf8.RuneCountInString(b.Streams[i].Path))
	}
	wide = min(wide, max((p.Width-fixed)/2, 8))
	p.line(cell(left("STREAM", wide)+" "+left("STATE", stateWide)+" "+right("VIEWERS", viewersWide)+" "+
		right("BITRATE", rateWide)+" "+right("DROPS", dropsWide)+" OUTPUTS", bold))
	rows := p.Rows()
	if p.Height == 0 {
		rows = len(b.Streams)
	}
	shown := b.Streams[:min(len(b.Streams), rows)]
	if len(shown) < len(b.Streams) {
		shown = shown[:len(shown)-1]
	}
	for i := range shown {
		p.row(&shown[i], wide)
	}
	switch more := len(b.Streams) - len(shown); {
	case len(b.Streams) == 0:
		p.line(cell("no streams", dim))
	case more > 0:
		p.line(cell(fmt.Sprintf("… and %d more", more), dim))
	}
}

func (p *pen) row(s *Stream, wide int) {
	drops, dropColour := "-", ""
	if s.Dropped != nil {
		drops = fmt.Sprint(*s.Dropped)
		if *s.Dropped > 0 {
			dropColour = yellow
		}
	}
	pieces := []piece{
		cell(left(printable(s.Path), wide), verdictColour(s.Verdict)), cell(left(printable(s.State), stateWide), stateColour(s.State)),
		cell(right(fmt.Sprint(s.Viewers), viewersWide), ""), cell(right(rate(s.Bitrate), rateWide), ""), cell(right(drops, dropsWide), dropColour),
	}
	if s.Recording {
		pieces = append(pieces, cell("rec", red))
	}
	// What is not well comes first, since there may be no room for all.
	var well []piece
	for _, o := range s.Outputs {
		colour := stateColour(o.State)
		if colour == green {
			well = append(well, cell(printable(o.Name), colour))
			continue
		}
		text := o.Name + "=" + o.State
		if o.Reason != "" {
			text += "(" + o.Reason + ")"
		}
		pieces = append(pieces, cell(printable(text), colour))
	}
	p.line(append(pieces, well...)...)
}

func stateColour(state string) string {
	switch state {
	case "running", "live", "recording":
		return green
	case "failed", "error":
		return red
	case "stalled", "backoff", "retrying", "paused", "lingering", "draining", "connecting":
		return yellow
	default:
		return ""
	}
}

func verdictColour(verdict string) string {
	switch verdict {
	case "error":
		return red
	case "warning":
		return yellow
	default:
		return ""
	}
}

// rate is bit/s for people.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func rate(bits int64) string {
	switch {
	case bits >= 1e9:
		return fmt.Sprintf("%.2f Gb/s", float64(bits)/1e9)
	case bits >= 1e6:
		return fmt.Sprintf("%.1f Mb/s", float64(bits)/1e6)
	case bits >= 1e3:
		return fmt.Sprintf("%.0f kb/s", float64(bits)/1e3)
	default:
		return fmt.Sprintf("%d b/s", bits)
	}
}

// lasting is a duration for people.
func lasting(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d >= 24*time.Hour:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d/time.Hour%24)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d/time.Minute%60)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d/time.Second%60)
	default:
		return fmt.Sprintf("%ds", d/time.Second)
	}
}

// printable replaces what would move a terminal's cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// cut shortens a text to so many characters.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	if width <= 0 {
		return ""
	}
	return string([]rune(text)[:width-1]) + "…"
}

func left(text string, width int) string {
	text = cut(text, width)
	return text + strings.Repeat(" ", width-utf8.RuneCountInString(text))
}

func right(text string, width int) string {
	text = cut(text, width)
	return strings.Repeat(" ", width-utf8.RuneCountInString(text)) + text
}
