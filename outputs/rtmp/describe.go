package rtmp

import "weir/pipeline/platform/lint"

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
		delay, lost, video, audio := t.hold.state()
		now.Delay, now.LostSeconds, now.DroppedVideo, now.DroppedAudio = delay.Seconds(), lost.Seconds(), video, audio
		d.Targets = append(d.Targets, now)
	}
	return d
}
