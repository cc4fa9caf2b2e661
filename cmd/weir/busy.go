package main

import (
	"fmt"
	"os"
	"runtime"
)

// busy is how busy the machine's processors are, from 0 to 1, by the load average of the
// last minute; 0 where the system does not say.
func busy() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	var average float64
	if _, err := fmt.Sscan(string(text), &average); err != nil {
		return 0
	}
	return min(average/float64(runtime.NumCPU()), 1)
}
