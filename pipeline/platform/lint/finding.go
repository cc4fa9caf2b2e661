package lint

import "weir/pipeline/platform"

// Severity is how much a finding matters to a platform.
type Severity string

// The severities.
const (
	// Error: the platform refuses such a stream, or shows it badly.
	Error Severity = "error"
	// Warning: it may.
	Warning Severity = "warning"

	off Severity = "off"
)

// Finding is one rule that a stream breaks.
type Finding struct {
	// Rule is the rule's id, one of [Rules].
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	// Message is a sentence about what is wrong, Fix one about what to do.
	Message string `json:"message"`
	Fix     string `json:"fix"`
}

// Check compares facts with what a platform wants, rule by rule.
func Check(f *Facts, p *platform.Preset) []Finding {
	var all []Finding
	for _, r := range rules() {
		severity := r.severity
		if s, ok := p.Severities[r.id]; ok {
			severity = Severity(s)
		}
		if severity == off {
			continue
		}
		if message, fix := r.broken(f, p); message != "" {
			all = append(all, Finding{Rule: r.id, Severity: severity, Message: message, Fix: fix})
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
