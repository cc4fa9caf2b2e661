//go:build libav && cgo

package process

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"weir/transcode/wire"
)

// usage adds what the process costs.
func usage(s *wire.Stats) {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) == nil {
		s.CPUMillis = (r.Utime.Nano() + r.Stime.Nano()) / 1e6
	}
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := strings.Fields(string(b)); len(f) > 1 {
			if pages, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				s.RSS = pages * int64(os.Getpagesize())
			}
		}
	}
}
