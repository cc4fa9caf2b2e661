package pipeline

import "fmt"

// FieldError is what a configuration's Validate returns so that whoever shows it
// can point at the place. Several go into one error with [errors.Join].
type FieldError struct {
	// Field leads to the value by its YAML names: "part", "layers[1].bitrate".
	Field string
	// Err says what is wrong, without the field's name.
	Err error
	// Hint says what to do, if that is not obvious; may be empty.
	Hint string
}

// Fieldf makes a *FieldError with a formatted message.
func Fieldf(field, format string, args ...any) *FieldError {
	return &FieldError{Field: field, Err: fmt.Errorf(format, args...)}
}

// WithHint adds what to do.
func (e *FieldError) WithHint(hint string) *FieldError {
	return &FieldError{Field: e.Field, Err: e.Err, Hint: hint}
}

// Error is "field: message".
func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap is the cause.
func (e *FieldError) Unwrap() error { return e.Err }
