package control

import (
	"maps"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"weir/pipeline"
)

// board collects series by name, up to a limit.
type board struct {
	byName  map[string]*family
	room    int
	leftOut int
}

// family is all series of one name.
type family struct {
	metric pipeline.Metric // with all its labels
	names  []string        // of the labels; what dto wants to point to
	series []*dto.Metric
	sums   map[string]*dto.Metric // of the series that several figures make
	hist   bool
}

func newBoard(room int) *board { return &board{byName: make(map[string]*family), room: room} }

// family is that of m, whose labels follow first, if it is not "".
func (b *board) family(m *pipeline.Metric, first string) *family {
	f := b.byName[m.Name]
	if f == nil {
		f = &family{metric: *m, names: m.Labels, sums: make(map[string]*dto.Metric)}
		if first != "" {
			f.names = append([]string{first}, m.Labels...)
		}
		b.byName[m.Name] = f
	}
	return f
}

// add puts a figure without a stream.
func (b *board) add(m pipeline.Metric, value float64, labels ...string) {
	f := b.family(&m, "")
	if s := b.series(f, f.names, "", labels); s != nil {
		f.set(s, value)
	}
}

// put puts a figure of a stream of that name, which it shares with others or not.
func (b *board) put(p point, name string, shared bool) {
	f := b.family(p.metric, "pipeline")
	if !shared {
		if s := b.named(f, p, name); s != nil {
			f.set(s, p.value)
		}
		return
	}
	key := name + "\x00" + strings.Join(p.labels, "\x00")
	if s := f.sums[key]; s != nil {
		f.set(s, f.join(f.get(s), p.value))
		return
	}
	if s := b.named(f, p, name); s != nil {
		f.set(s, p.value)
		f.sums[key] = s
	}
}

// named makes a series of a stream. Two stage types may give one name different labels.
func (b *board) named(f *family, p point, name string) *dto.Metric {
	names := f.names
	if !slices.Equal(names[1:], p.metric.Labels) {
		names = append([]string{"pipeline"}, p.metric.Labels...)
	}
	return b.series(f, names, name, p.labels)
}

// join makes one figure of two streams': the largest of times, the worst of what is up
// or down, and the sum of all else.
func (f *family) join(a, b float64) float64 {
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

// series makes one, or nil if there is no room. Labels without a value are left out,
// which means the same.
func (b *board) series(f *family, names []string, first string, values []string) *dto.Metric {
	if b.room--; b.room < 0 {
		b.leftOut++
		return nil
	}
	pairs := make([]dto.LabelPair, 0, len(names))
	s := &dto.Metric{Label: make([]*dto.LabelPair, 0, len(names))}
	put := func(name, value *string) {
		if *value != "" {
			pairs = append(pairs, dto.LabelPair{Name: name, Value: value})
			s.Label = append(s.Label, &pairs[len(pairs)-1])
		}
	}
	if first != "" {
		put(&names[0], &first)
		names = names[1:]
	}
	for i := range min(len(names), len(values)) {
		put(&names[i], &values[i])
	}
	f.series = append(f.series, s)
	return s
}

func (f *family) set(s *dto.Metric, value float64) {
	if f.metric.Counter {
		s.Counter = &dto.Counter{Value: &value}
	} else {
		s.Gauge = &dto.Gauge{Value: &value}
	}
}

func (f *family) get(s *dto.Metric) float64 {
	return s.GetCounter().GetValue() + s.GetGauge().GetValue()
}

// histogram puts a histogram, which is as many series as it has buckets, and two more.
func (b *board) histogram(m pipeline.Metric, h *Histogram, labels ...string) {
	f := b.family(&m, "")
	f.hist = true
	b.room -= len(h.Bounds) + 2
	s := b.series(f, f.names, "", labels)
	if s == nil {
		return
	}
	var count uint64
	s.Histogram = &dto.Histogram{SampleSum: &h.Sum}
	for i, bound := range h.Bounds {
		count += h.Counts[i]
		sofar := count
		s.Histogram.Bucket = append(s.Histogram.Bucket, &dto.Bucket{UpperBound: &bound, CumulativeCount: &sofar})
	}
	count += h.Counts[len(h.Bounds)]
	s.Histogram.SampleCount = &count
}

// families are all of them, by name.
func (b *board) families() []*dto.MetricFamily {
	var out []*dto.MetricFamily
	for _, name := range slices.Sorted(maps.Keys(b.byName)) {
		f := b.byName[name]
		full, kind := "weir_"+name, dto.MetricType_GAUGE
		switch {
		case f.hist:
			kind = dto.MetricType_HISTOGRAM
		case f.metric.Counter:
			kind = dto.MetricType_COUNTER
		}
		out = append(out, &dto.MetricFamily{Name: &full, Help: &f.metric.Help, Type: &kind, Metric: f.series})
	}
	return out
}
