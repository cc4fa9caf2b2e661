package pipeline

// Metric describes figures of one name.
type Metric struct {
	// Name without the "weir_" in front: in base units, which it ends with, and _total
	// for a Counter, which only ever rises. Help is one line.
	Name, Help string
	Counter    bool
	// Labels are the names of the labels, beside those of the pipeline and the stage.
	Labels []string
}

// Figure is one number in the metrics. Its labels are pairs of a name and a value, both
// of a small set that no peer can enlarge. The stage's Spec has its [Metric].
type Figure struct {
	Name   string
	Labels []string
	Value  float64
}
