package rtmp

import (
	"weir/pipeline"
	"weir/pipeline/platform/lint"
)

// Description is what the API shows of a running stage.
type Description struct {
	Preset  string         `json:"preset"`
	Targets []TargetStatus `json:"targets"`
	// Findings are what of the stream is not as the platform wants it.
	Findings []lint.Finding `json:"findings,omitempty"`
}

// Describe implements pipeline.Describer.
func (s *stage) Describe() any {
	d := Description{Preset: s.cfg.Preset, Findings: s.lint.last()}
	for _, t := range s.targets {
		now := t.status.snapshot()
		delay, video, audio := t.hold.state()
		now.Delay, now.DroppedVideo, now.DroppedAudio = delay.Seconds(), video, audio
		d.Targets = append(d.Targets, now)
	}
	return d
}

// Report implements pipeline.Reporter. While one target is live the output is, and what
// is the matter with the other one stands in reason and message.
func (s *stage) Report() pipeline.Report {
	var r pipeline.Report
	for _, t := range s.targets {
		now := t.status.snapshot()
		if r.State == "" || now.State == Live {
			r.State = string(now.State)
		}
		if r.Reason == "" {
			r.Reason, r.Message = now.Reason, now.Message
		}
	}
	for _, f := range s.lint.last() {
		r.Findings = append(r.Findings, pipeline.Finding{
			Rule: f.Rule, Severity: pipeline.Severity(f.Severity), Message: f.Message, Fix: f.Fix,
		})
	}
	return r
}

// Measure implements pipeline.Measurer.
func (s *stage) Measure() (all []pipeline.Figure) {
	d, ok := s.Describe().(Description)
	if !ok {
		return nil
	}
	for _, f := range d.Findings {
		all = append(all, pipeline.Figure{
			Name: "output_finding", Help: "1 for each rule of the platform that the stream breaks.",
			Labels: []string{"rule", f.Rule, "severity", string(f.Severity)}, Value: 1,
		})
	}
	for _, t := range d.Targets {
		at := func(more ...string) []string { return append([]string{"target", t.Role}, more...) }
		up := 0.0
		if t.State == Live {
			up = 1
		}
		all = append(all,
			pipeline.Figure{Name: "output_up", Help: "Whether the target takes what is pushed.", Labels: at(), Value: up},
			pipeline.Figure{Name: "output_state", Help: "1 for the state that the target is in.", Labels: at("state", string(t.State)), Value: 1},
			pipeline.Figure{Name: "output_delay_seconds", Help: "How long the oldest unit has waited for the target.", Labels: at(), Value: t.Delay},
			pipeline.Figure{Name: "output_bytes_total", Help: "Bytes sent to the target.", Counter: true, Labels: at(), Value: float64(t.Bytes)},
			pipeline.Figure{Name: "output_dropped_units_total", Help: "Units left out because the target was slow or away.", Counter: true, Labels: at("kind", "video"), Value: float64(t.DroppedVideo)},
			pipeline.Figure{Name: "output_dropped_units_total", Help: "Units left out because the target was slow or away.", Counter: true, Labels: at("kind", "audio"), Value: float64(t.DroppedAudio)},
		)
		for reason, n := range t.Lost {
			all = append(all, pipeline.Figure{Name: "output_reconnects_total", Help: "Sessions and attempts that ended, by reason.", Counter: true, Labels: at("reason", reason), Value: float64(n)})
		}
	}
	return all
}
