package load

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a process of this machine, by its ID, that is looked at while there is
// load.
type Process int

// CPU is the time that the process has used, user and system, all threads. It reads the
// process's CPU clock, which counts nanoseconds where /proc counts ticks of 10 ms.
func (p Process) CPU() (time.Duration, error) {
	// As clock_getcpuclockid(3) makes it: the inverted process ID and the clock
	// that the scheduler keeps.
	const schedulerClock = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^int(p)<<3|schedulerClock), &t); err != nil {
		return 0, fmt.Errorf("CPU time of process %d: %w", p, err)
	}
	return time.Duration(t.Nano()), nil
}

// Memory is what the process holds, in bytes: resident memory that is not a file's.
func (p Process) Memory() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p))
	if err != nil {
		return 0, fmt.Errorf("memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "RssAnon: %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, errors.New("memory: /proc says nothing of RssAnon")
}

// Descriptors is the number of files and sockets that are open.
func (p Process) Descriptors() (int, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p))
	if err != nil {
		return 0, fmt.Errorf("descriptors: %w", err)
	}
	return len(entries), nil
}
