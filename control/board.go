package control

import (
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"weir/pipeline"
)

// board writes series in the Prometheus text format 0.0.4, those of a name together, up to
// a limit. It is text from the start: a scrape is of thousands of series, which would be
// tens of thousands of objects in any other form.
type board struct {
	byName  map[string]*family
	room    int
	leftOut int
}

// family is all series of one name.
type family struct {
	metric pipeline.Metric // with all its labels
	kind   string
	pages  [][]byte        // of text, in which it grows without being copied
	text   []byte          // the page that is being written
	sums   map[string]*sum // by their text
	joined []*sum          // the same, the oldest first
}

// sum is a series that several streams make.
type sum struct {
	series string // its name and labels
	value  float64
}

func newBoard(room int) *board { return &board{byName: make(map[string]*family), room: room} }

// family is that of m. Two stage types may give one name different labels.
func (b *board) family(m *pipeline.Metric) *family {
	f := b.byName[m.Name]
	if f == nil {
		f = &family{metric: *m, kind: "gauge", sums: make(map[string]*sum)}
		if m.Counter {
			f.kind = "counter"
		}
		b.byName[m.Name] = f
	}
	return f
}

// take takes the room of so many series, and says whether there was any.
func (b *board) take(series int) bool {
	if b.room -= series; b.room < 0 {
		b.leftOut++
		return false
	}
	return true
}

// add puts a figure.
func (b *board) add(m *pipeline.Metric, value float64, labels ...string) {
	b.put(b.family(m), m.Labels, labels, value)
}

// put is add with the family at hand.
func (b *board) put(f *family, names, values []string, value float64) {
	if b.take(1) {
		f.turn()
		f.text = appendValue(appendSeries(f.text, f.metric.Name, "", names, values), value)
	}
}

// turn begins another page if the last one is all but full.
func (f *family) turn() {
	const size, line = 16 << 10, 256
	if cap(f.text)-len(f.text) < line {
		f.pages = append(f.pages, f.text)
		f.text = make([]byte, 0, size)
	}
}

// join puts a figure of a series to which several streams contribute.
func (b *board) join(f *family, names, values []string, value float64) {
	var room [256]byte
	series := appendSeries(room[:0], f.metric.Name, "", names, values)
	if s := f.sums[string(series)]; s != nil {
		s.value = f.both(s.value, value)
		return
	}
	if b.take(1) {
		s := &sum{string(series), value}
		f.sums[s.series] = s
		f.joined = append(f.joined, s)
	}
}

// both makes one figure of two streams': the largest of times, the worst of what is up
// or down, and the sum of all else.
func (f *family) both(a, b float64) float64 {
	switch {
	case f.metric.Counter:
		return a + b
	case strings.HasSuffix(f.metric.Name, "_seconds"):
		return max(a, b)
	case strings.HasSuffix(f.metric.Name, "_up"):
		return min(a, b)
	default:
		return a + b
	}
}

// histogram puts a histogram, which is as many series as it has buckets, and two more.
func (b *board) histogram(m *pipeline.Metric, h *Histogram, labels ...string) {
	f := b.family(m)
	f.kind = "histogram"
	if !b.take(len(h.Bounds) + 3) {
		return
	}
	names, values := append(slices.Clone(m.Labels), "le"), append(labels, "")
	var count uint64
	for i, n := range h.Counts {
		count += n
		values[len(labels)] = "+Inf"
		if i < len(h.Bounds) {
			values[len(labels)] = strconv.FormatFloat(h.Bounds[i], 'g', -1, 64)
		}
		f.text = appendValue(appendSeries(f.text, m.Name, "_bucket", names, values), float64(count))
	}
	f.text = appendValue(appendSeries(f.text, m.Name, "_sum", m.Labels, labels), h.Sum)
	f.text = appendValue(appendSeries(f.text, m.Name, "_count", m.Labels, labels), float64(count))
}

// writeTo writes all families by name.
func (b *board) writeTo(w io.Writer) error {
	for _, name := range slices.Sorted(maps.Keys(b.byName)) {
		f := b.byName[name]
		for _, s := range f.joined {
			f.text = appendValue(append(f.text, s.series...), s.value)
		}
		if len(f.text) == 0 {
			continue // there was no room
		}
		head := "# HELP weir_" + name + " " + help(f.metric.Help) + "\n# TYPE weir_" + name + " " + f.kind + "\n"
		if _, err := io.WriteString(w, head); err != nil {
			return err
		}
		for _, page := range append(f.pages, f.text) {
			if _, err := w.Write(page); err != nil {
				return err
			}
		}
	}
	return nil
}

// help is the line of a metric's help, in which a quotation mark needs no escape.
func help(s string) string {
	return strings.ReplaceAll(string(appendText(nil, s)), `\"`, `"`)
}

// appendSeries adds the name and the labels of a series. Labels without a value are left
// out, which means the same.
func appendSeries(b []byte, name, suffix string, names, values []string) []byte {
	b = append(append(append(b, "weir_"...), name...), suffix...)
	between := byte('{')
	for i := range min(len(names), len(values)) {
		if values[i] == "" {
			continue
		}
		b = append(append(append(b, between), names[i]...), '=', '"')
		b = append(appendText(b, values[i]), '"')
		between = ','
	}
	if between == ',' {
		b = append(b, '}')
	}
	return b
}

// appendText adds the value of a label. What is no UTF-8 would cost the whole scrape.
func appendText(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	from := 0
	for i := range len(s) {
		switch s[i] {
		case '\\', '"':
			b = append(append(b, s[from:i]...), '\\', s[i])
		case '\n':
			b = append(append(b, s[from:i]...), '\\', 'n')
		default:
			continue
		}
		from = i + 1
	}
	return append(b, s[from:]...)
}

// appendValue ends the line of a series.
func appendValue(b []byte, value float64) []byte {
	b = append(b, ' ')
	if value == math.Trunc(value) && math.Abs(value) < 1<<53 {
		b = strconv.AppendInt(b, int64(value), 10)
	} else {
		b = strconv.AppendFloat(b, value, 'g', -1, 64) // NaN, +Inf and -Inf are written the same in Go
	}
	return append(b, '\n')
}
