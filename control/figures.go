package control

import (
	"path"
	"slices"

	"weir/pipeline"
)

// core are the metrics that every stream has. Their labels follow that of the pipeline.
type core struct {
	state, viewers, restarts, keyframes, late, lost, queue, units, bytes pipeline.Metric
}

func coreMetrics() *core {
	stage := func(more ...string) []string { return append([]string{"stage"}, more...) }
	edge := func(more ...string) []string { return append([]string{"edge"}, more...) }
	return &core{
		state:     pipeline.Metric{Name: "stage_state", Help: "1 for the state that the stage is in.", Labels: stage("state")},
		viewers:   pipeline.Metric{Name: "viewers", Help: "Viewers that the stage serves.", Labels: stage("protocol")},
		restarts:  pipeline.Metric{Name: "stage_restarts_total", Help: "Failures of the stage, by kind.", Counter: true, Labels: stage("reason")},
		keyframes: pipeline.Metric{Name: "input_keyframe_interval_seconds", Help: "Time between the last two key pictures of a source.", Labels: stage()},
		late:      pipeline.Metric{Name: "stage_late_units_total", Help: "Units dropped because their time did not rise.", Counter: true, Labels: stage()},
		lost:      pipeline.Metric{Name: "lost_media_seconds_total", Help: "Seconds of media that a sink did not get, by reason.", Counter: true, Labels: []string{"sink", "reason"}},
		queue:     pipeline.Metric{Name: "edge_queue_seconds", Help: "How far the consumer is behind, by arrival.", Labels: edge()},
		units:     pipeline.Metric{Name: "edge_units_total", Help: "Units (access units or packets) by what became of them.", Counter: true, Labels: edge("result", "reason")},
		bytes:     pipeline.Metric{Name: "edge_bytes_total", Help: "Payload bytes that the consumer took.", Counter: true, Labels: edge()},
	}
}

// streamMetrics lists the core, for its description.
func streamMetrics() []pipeline.Metric {
	m := coreMetrics()
	return []pipeline.Metric{m.state, m.viewers, m.restarts, m.keyframes, m.late, m.lost, m.queue, m.units, m.bytes}
}

// render puts the figures of streams on a board.
type render struct {
	*core
	board  *board
	shapes map[*pipeline.Metric]*shape

	// of the stream that is being rendered
	name   string
	shared bool     // with others, whose figures are joined with its
	room   int      // for so many series
	values []string // of the labels of the series that is being put
}

// shape is what the series of one metric of streams have in common.
type shape struct {
	family *family
	labels []string // "pipeline", and what says where, first
}

func newRender(b *board) *render {
	return &render{core: coreMetrics(), board: b, shapes: make(map[*pipeline.Metric]*shape)}
}

// shape is that of a metric, which is made once for all streams.
func (r *render) shape(m *pipeline.Metric) *shape {
	s := r.shapes[m]
	if s == nil {
		whole := atStage(*m)
		s = &shape{r.board.family(&whole), whole.Labels}
		r.shapes[m] = s
	}
	return s
}

// stream puts a stream's figures under a name, what matters most first.
func (r *render) stream(s *pipeline.Snapshot, name string, shared bool) {
	r.name, r.shared, r.room = name, shared, MaxStreamSeries
	for i := range s.Stages {
		r.stage(&s.Stages[i])
	}
	for i := range s.Stages {
		r.own(&s.Stages[i])
	}
	r.edges(s)
}

// add puts a figure. The values of its labels follow that of the pipeline.
func (r *render) add(m *pipeline.Metric, value float64, labels ...string) {
	r.values = append(append(r.values[:0], r.name), labels...)
	r.put(r.shape(m), value)
}

// put puts a figure whose labels have r.values.
func (r *render) put(s *shape, value float64) {
	if r.room--; r.room < 0 {
		r.board.leftOut++
		return
	}
	if r.shared {
		r.board.join(s.family, s.labels, r.values, value)
	} else {
		r.board.put(s.family, s.labels, r.values, value)
	}
}

// stage renders what the runtime knows of a stage.
func (r *render) stage(st *pipeline.StageSnapshot) {
	r.add(&r.state, 1, st.Name, st.State.String())
	if st.Role == pipeline.Sink && (st.Viewers > 0 || serves(st)) {
		r.add(&r.viewers, float64(st.Viewers), st.Name, path.Base(st.Use))
	}
	for _, kind := range []pipeline.Kind{pipeline.Internal, pipeline.Config, pipeline.Format, pipeline.Peer, pipeline.Transient, pipeline.Overrun} {
		if n := st.Restarts[kind]; n > 0 {
			r.add(&r.restarts, float64(n), st.Name, kind.String())
		}
	}
	for _, o := range st.Outputs {
		if o.Late > 0 {
			r.add(&r.late, float64(o.Late), st.Name)
		}
		if o.Keyframes > 0 && st.Role == pipeline.Source {
			r.add(&r.keyframes, o.Keyframes.Seconds(), st.Name)
		}
	}
}

// serves says whether a sink has viewers at times: it is one that measures nothing else.
func serves(st *pipeline.StageSnapshot) bool { return len(st.Metrics) == 0 }

// own renders what a stage measures itself, as far as its type says what that is.
func (r *render) own(st *pipeline.StageSnapshot) {
	for i := range st.Figures {
		f := &st.Figures[i]
		at := slices.IndexFunc(st.Metrics, func(m pipeline.Metric) bool { return m.Name == f.Name })
		if at < 0 {
			continue
		}
		shape := r.shape(&st.Metrics[at])
		r.values = append(r.values[:0], r.name, st.Name)
		for n := 2; n < len(shape.labels); n++ {
			r.values = append(r.values, valueOf(f, shape.labels[n]))
		}
		r.put(shape, f.Value)
	}
}

// valueOf is the value of a figure's label, "" if it has none of that name.
func valueOf(f *pipeline.Figure, name string) string {
	for n := 0; n+1 < len(f.Labels); n += 2 {
		if f.Labels[n] == name {
			return f.Labels[n+1]
		}
	}
	return ""
}

// atStage is m with the labels that say where.
func atStage(m pipeline.Metric) pipeline.Metric {
	at := []string{"pipeline"}
	if !slices.ContainsFunc(m.Labels, func(l string) bool { return l == "stage" || l == "edge" || l == "sink" }) {
		word := "stage"
		if m.Name == "lost_media_seconds_total" {
			word = "sink"
		}
		at = append(at, word)
	}
	m.Labels = append(at, m.Labels...)
	return m
}

// edges renders the edges, one figure of all of them before the next.
func (r *render) edges(s *pipeline.Snapshot) {
	names := make([]string, len(s.Edges))
	for i := range s.Edges {
		e := &s.Edges[i]
		names[i] = e.From + ">" + e.To
		if e.Lost > 0 && sink(s, e.To) {
			r.add(&r.lost, e.Lost.Seconds(), e.To, "overrun")
		}
	}
	for i := range s.Edges {
		e := &s.Edges[i]
		r.add(&r.queue, e.Lag.Seconds(), names[i])
		r.add(&r.units, float64(e.Units), names[i], "passed", "")
	}
	for i := range s.Edges {
		e := &s.Edges[i]
		if e.Overran > 0 {
			r.add(&r.units, float64(e.Overran), names[i], "dropped", "overrun")
		}
		if e.Keyless > 0 {
			r.add(&r.units, float64(e.Keyless), names[i], "dropped", "keyless")
		}
	}
	for i := range s.Edges {
		e := &s.Edges[i]
		r.add(&r.bytes, float64(e.Bytes), names[i])
	}
}

func sink(s *pipeline.Snapshot, name string) bool {
	i := slices.IndexFunc(s.Stages, func(st pipeline.StageSnapshot) bool { return st.Name == name })
	return i >= 0 && s.Stages[i].Role == pipeline.Sink
}
