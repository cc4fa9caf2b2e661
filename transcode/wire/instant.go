package wire

import "time"

// Instant is a moment in the past that is as long ago for whoever reads it as for who
// writes it, also if the clock was set since.
type Instant struct{ time.Time }

// MarshalJSON implements json.Marshaler: by what the clock says now.
func (i Instant) MarshalJSON() ([]byte, error) {
	return time.Now().Add(-time.Since(i.Time)).MarshalJSON() //nolint:wrapcheck // of a year that cannot be
}
