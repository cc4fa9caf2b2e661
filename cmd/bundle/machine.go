package bundle

import (
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is what matters of the machine and of the process that asks, which should be
// of the same user as the server.
type Machine struct {
	Kernel, Release, Arch string
	CPUs                  int
	OpenFiles             [2]uint64 // soft and hard limit
	Settings              map[string]string
	Memory                map[string]string
	Disks                 []Disk
}

// Disk is the space where a directory is, in bytes.
type Disk struct {
	Path        string
	Free, Total uint64
	Error       string `json:",omitempty"`
}

// Look looks at the machine, and at the disks of directories.
func Look(dirs ...string) Machine {
	m := Machine{Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Settings: map[string]string{}, Memory: map[string]string{}}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel, m.Release = unix.ByteSliceToString(name.Sysname[:]), unix.ByteSliceToString(name.Release[:])
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		m.OpenFiles = [2]uint64{limit.Cur, limit.Max}
	}
	for _, s := range []string{"net/core/rmem_max", "net/core/wmem_max", "net/core/somaxconn", "net/ipv4/tcp_congestion_control", "vm/swappiness"} {
		if b, err := os.ReadFile("/proc/sys/" + s); err == nil {
			m.Settings[strings.ReplaceAll(s, "/", ".")] = strings.TrimSpace(string(b))
		}
	}
	b, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "MemTotal", "MemAvailable", "SwapTotal", "SwapFree":
			m.Memory[key] = strings.TrimSpace(value)
		}
	}
	for _, d := range dirs {
		disk := Disk{Path: d}
		var st unix.Statfs_t
		if err := unix.Statfs(d, &st); err != nil {
			disk.Error = err.Error()
		} else {
			disk.Free, disk.Total = st.Bavail*uint64(st.Bsize), st.Blocks*uint64(st.Bsize)
		}
		m.Disks = append(m.Disks, disk)
	}
	return m
}
