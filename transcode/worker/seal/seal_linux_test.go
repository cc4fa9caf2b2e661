package seal

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const child = "WEIR_SEALED_TEST"

// tries are what a process tries in vain once it is sealed. None does any harm.
func tries() map[string]func() error {
	return map[string]func() error{
		"exec":   func() error { return unix.Exec("/nowhere", nil, nil) },
		"start":  func() error { return exec.Command("/proc/self/exe", "-test.run=^$").Run() },
		"socket": func() error { _, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err },
		"inet":   func() error { _, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0); return err },
		"ptrace": func() error {
			_, _, errno := unix.RawSyscall(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0)
			return errno
		},
	}
}

func TestSealed(t *testing.T) {
	if os.Getenv(child) == "" {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestSealed$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestSealed") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	for name, try := range tries() {
		if name != "ptrace" && errors.Is(try(), unix.EPERM) {
			t.Errorf("%s fails before", name)
		}
	}
	if err := Process(); err != nil {
		t.Skip(err)
	}
	for name, try := range tries() {
		if err := try(); !errors.Is(err, unix.EPERM) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.ReadFile("/proc/self/status"); err != nil {
		t.Errorf("files cannot be read: %v", err)
	}
}
