package lint

import (
	"weir/pipeline"
	"weir/pipeline/platform"
)

// off is the severity of a rule that a platform does not have.
const off pipeline.Severity = "off"

// Check compares facts with what a platform wants, rule by rule.
func Check(f *Facts, p *platform.Preset) []pipeline.Finding {
	var all []pipeline.Finding
	for _, r := range rules() {
		severity := r.severity
		if s, ok := p.Severities[r.id]; ok {
			severity = pipeline.Severity(s)
		}
		if severity == off {
			continue
		}
		if message, fix := r.broken(f, p); message != "" {
			all = append(all, pipeline.Finding{Rule: r.id, Severity: severity, Message: message, Fix: fix})
		}
	}
	return all
}

// Rules lists the ids of all rules.
func Rules() []string {
	var ids []string
	for _, r := range rules() {
		ids = append(ids, r.id)
	}
	return ids
}
