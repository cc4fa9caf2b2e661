package rtmp

import "weir/pipeline"

func metrics() []pipeline.Metric {
	return []pipeline.Metric{
		{Name: "output_up", Help: "Whether the target takes what is pushed.", Labels: []string{"target"}},
		{Name: "output_lag_seconds", Help: "How long the oldest unit has waited for the target.", Labels: []string{"target"}},
		{Name: "output_bytes_total", Help: "Bytes sent to the target.", Counter: true, Labels: []string{"target"}},
		{Name: "output_reconnects_total", Help: "Sessions and attempts that ended, by reason.", Counter: true, Labels: []string{"target", "reason"}},
		{Name: "output_dropped_units_total", Help: "Units left out because the target was slow or away.", Counter: true, Labels: []string{"target", "kind"}},
		{Name: "lost_media_seconds_total", Help: "Seconds of media that a sink did not get, by reason.", Counter: true, Labels: []string{"target", "reason"}},
		{Name: "lint", Help: "1 for each rule of the platform that the stream breaks.", Labels: []string{"rule", "severity"}},
	}
}

// Measure implements pipeline.Measurer. A stand-by that is not needed is not measured.
func (s *stage) Measure() (all []pipeline.Figure) {
	d, ok := s.Describe().(Description)
	if !ok {
		return nil
	}
	for _, t := range d.Targets {
		if t.State == Idle && t.Sessions == 0 && len(t.Lost) == 0 {
			continue
		}
		up := 0.0
		if t.State == Live {
			up = 1
		}
		target := []string{"target", t.Role}
		all = append(all,
			pipeline.Figure{Name: "output_up", Labels: target, Value: up},
			pipeline.Figure{Name: "output_lag_seconds", Labels: target, Value: t.Delay},
			pipeline.Figure{Name: "output_bytes_total", Labels: target, Value: float64(t.Bytes)},
		)
		if t.LostSeconds > 0 {
			all = append(all, pipeline.Figure{Name: "lost_media_seconds_total", Labels: []string{"target", t.Role, "reason", "target"}, Value: t.LostSeconds})
		}
		for reason, n := range t.Lost {
			all = append(all, pipeline.Figure{Name: "output_reconnects_total", Labels: []string{"target", t.Role, "reason", reason}, Value: float64(n)})
		}
		for kind, n := range map[string]uint64{"video": t.DroppedVideo, "audio": t.DroppedAudio} {
			if n > 0 {
				all = append(all, pipeline.Figure{Name: "output_dropped_units_total", Labels: []string{"target", t.Role, "kind", kind}, Value: float64(n)})
			}
		}
	}
	for _, f := range d.Findings {
		all = append(all, pipeline.Figure{Name: "lint", Labels: []string{"rule", f.Rule, "severity", string(f.Severity)}, Value: 1})
	}
	return all
}

var _ pipeline.Measurer = (*stage)(nil)
