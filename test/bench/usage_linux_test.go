package bench

import (
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the CPU time that a process has used, user and system, all threads,
// those that have ended included. It reads the process's CPU clock, which counts
// nanoseconds where /proc counts ticks of 10 ms.
func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	// As clock_getcpuclockid(3) makes it: the inverted process ID and the clock
	// that the scheduler keeps.
	const schedulerClock = 2
	return readClock(b, int32(^pid<<3|schedulerClock))
}

func readClock(b *testing.B, id int32) time.Duration {
	b.Helper()
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		b.Fatalf("read a CPU clock: %v", err)
	}
	return time.Duration(t.Nano())
}

// machine is the time that all CPUs together have been busy, and that has passed for
// them, since the machine has started.
func machine(b *testing.B) (busy, passed time.Duration) {
	b.Helper()
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		b.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	const idle, wait, guest = 3, 4, 8 // guests are counted as users, too
	for n, field := range strings.Fields(first)[1:][:guest] {
		ticks, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		d := time.Duration(ticks) * 10 * time.Millisecond
		passed += d
		if n != idle && n != wait {
			busy += d
		}
	}
	return busy, passed
}

// memory is what a process holds, in bytes: resident memory that is not a file's.
func memory(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "RssAnon: %f kB", &kib); n == 1 {
			return kib * 1024
		}
	}
	b.Fatal("/proc says nothing of RssAnon")
	return 0
}

// calibrate is the CPU time of a fixed piece of work, the SHA-256 of 4 KiB, in ns.
func calibrate(b *testing.B) float64 {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const rounds = 20_000
	block := make([]byte, 4096)
	before := readClock(b, unix.CLOCK_THREAD_CPUTIME_ID)
	for range rounds {
		digest(block)
	}
	return float64(readClock(b, unix.CLOCK_THREAD_CPUTIME_ID)-before) / rounds
}

func digest(block []byte) {
	sum := sha256.Sum256(block)
	block[0] = sum[0] // so that it has to be done
}
