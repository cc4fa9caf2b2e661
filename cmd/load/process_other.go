//go:build !linux

package load

import (
	"errors"
	"time"
)

// Process is a process of this machine, by its ID. Elsewhere than on Linux nothing is
// known of it.
type Process int

// CPU is the time that the process has used.
func (p Process) CPU() (time.Duration, error) { return 0, errors.ErrUnsupported }

// Memory is what the process holds, in bytes.
func (p Process) Memory() (int64, error) { return 0, errors.ErrUnsupported }

// Descriptors is the number of files and sockets that are open.
func (p Process) Descriptors() (int, error) { return 0, errors.ErrUnsupported }
