package record

import "weir/pipeline"

func metrics() []pipeline.Metric {
	return []pipeline.Metric{
		{Name: "recording_state", Help: "1 for the state that the recording is in: recording, waiting, paused or stopped.", Labels: []string{"state"}},
		{Name: "recording_unflushed_seconds", Help: "For how long the oldest fragment has waited for the disk."},
		{Name: "recording_seconds", Help: "How long the recording under way is."},
		{Name: "lost_media_seconds_total", Help: "Seconds of media that a sink did not get, by reason.", Counter: true, Labels: []string{"reason"}},
	}
}

// Measure implements pipeline.Measurer.
func (s *stage) Measure() []pipeline.Figure {
	d := s.detail()
	all := []pipeline.Figure{
		{Name: "recording_state", Labels: []string{"state", d.State}, Value: 1},
		{Name: "recording_unflushed_seconds", Value: d.Unflushed},
		{Name: "recording_seconds", Value: d.Seconds},
	}
	if d.Lost > 0 {
		all = append(all, pipeline.Figure{Name: "lost_media_seconds_total", Labels: []string{"reason", "disk"}, Value: d.Lost})
	}
	return all
}

var _ pipeline.Measurer = (*stage)(nil)
