package rtmp

import (
	"weir/pipeline"
)

// Description is what the API shows of a running stage.
type Description struct {
	Preset  string         `json:"preset"`
	Targets []TargetStatus `json:"targets"`
	// Findings are what of the stream is not as the platform wants it.
	Findings []pipeline.Finding `json:"findings,omitempty"`
}

// Describe implements pipeline.Describer.
func (s *stage) Describe() any {
	d := Description{Preset: s.cfg.Preset, Findings: s.lint.last()}
	for _, t := range s.targets {
		now := t.status.snapshot()
		delay, lost, video, audio := t.hold.state()
		now.Delay, now.LostSeconds, now.DroppedVideo, now.DroppedAudio = delay.Seconds(), lost.Seconds(), video, audio
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
	r.Findings = s.lint.last()
	return r
}
