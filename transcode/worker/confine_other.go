//go:build !linux

package worker

import "errors"

func (h *Host) start() (*process, error) {
	return nil, errors.New("workers run on Linux only")
}

// Confine is what main must begin with; on this system it does nothing.
func Confine() error { return nil }
