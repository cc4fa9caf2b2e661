package whip

import "weir/pipeline"

func metrics() []pipeline.Metric {
	return []pipeline.Metric{{Name: "input_timestamp_jumps_total", Help: "Steps of the publishers' clocks at which the timeline began anew.", Counter: true}}
}

// Measure implements pipeline.Measurer.
func (s *stage) Measure() []pipeline.Figure {
	return []pipeline.Figure{{Name: "input_timestamp_jumps_total", Value: float64(s.status.snapshot().Jumps)}}
}

var _ pipeline.Measurer = (*stage)(nil)
