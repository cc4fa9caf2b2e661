package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"weir/outputs/hls"
	"weir/pipeline"
	"weir/pipeline/config"
	"weir/record"
)

// lookAtPorts tries to listen where the server would.
func lookAtPorts(ctx context.Context, file *config.File) (found []finding) {
	for _, l := range file.Server.Listeners() {
		what := fmt.Sprintf("%s %s (%s)", l.Network, l.Address, l.Protocol)
		switch err := listenOnce(ctx, l); {
		case err == nil:
			found = append(found, finding{good, what + " is free", ""})
		case errors.Is(err, syscall.EADDRINUSE):
			found = append(found, finding{doubt, what + " is taken", "if it is not by weir itself, stop the other program, or set server." + l.Setting()})
		case errors.Is(err, syscall.EACCES):
			found = append(found, finding{bad, what + " is not for this user", "ports below 1024 need the capability CAP_NET_BIND_SERVICE"})
		default:
			found = append(found, finding{bad, what + ": " + err.Error(), "set server." + l.Setting()})
		}
	}
	return found
}

func listenOnce(ctx context.Context, l config.Listening) error {
	var lc net.ListenConfig
	if l.Network == "udp" {
		c, err := lc.ListenPacket(ctx, l.Network, l.Address)
		if err != nil {
			return err //nolint:wrapcheck // only looked at
		}
		return c.Close() //nolint:wrapcheck // likewise
	}
	c, err := lc.Listen(ctx, l.Network, l.Address)
	if err != nil {
		return err //nolint:wrapcheck // likewise
	}
	return c.Close() //nolint:wrapcheck // likewise
}

// What a server for many viewers should have.
const (
	wantFiles     = 65_536
	wantUDPBuffer = 4 << 20
)

// lookAtMachine looks at limits and at the clock.
func lookAtMachine(_ context.Context, file *config.File) (found []finding) {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err == nil {
		f := finding{good, fmt.Sprintf("%d files and sockets may be open", files.Max), ""}
		if files.Max < wantFiles {
			f.mark, f.fix = doubt, fmt.Sprintf("raise it to %d or more: LimitNOFILE= of the unit, or ulimit -n", wantFiles)
		}
		found = append(found, f)
	}
	if file.Server.WebRTC.UDP != "" {
		if text, err := os.ReadFile("/proc/sys/net/core/rmem_max"); err == nil {
			n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
			f := finding{good, fmt.Sprintf("%d KiB of datagrams may wait (net.core.rmem_max)", n>>10), ""}
			if n < wantUDPBuffer {
				f.mark, f.fix = doubt, fmt.Sprintf("publishers may lose packets in bursts: sysctl -w net.core.rmem_max=%d", wantUDPBuffer)
			}
			found = append(found, f)
		}
	}
	return append(found, lookAtClock()...)
}

// lookAtClock asks the kernel whether something keeps its clock right. Credentials of
// stores and tokens are refused minutes off.
func lookAtClock() []finding {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	switch {
	case err != nil:
		return nil
	case state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0:
		return []finding{{doubt, "nothing keeps the clock right, as far as the kernel knows", "run chrony or systemd-timesyncd, here or on the host of this container"}}
	default:
		return []finding{{good, fmt.Sprintf("the clock is right to %v", time.Duration(t.Maxerror)*time.Microsecond), ""}}
	}
}

// What a disk should have and do.
const (
	wantFree  = 2 << 30
	wantSpeed = 20 << 20 // bytes a second, written and synced
	probeSize = 8 << 20
)

// lookAtDisks writes a little to each directory that streams are written to.
func lookAtDisks(_ context.Context, file *config.File) (found []finding) {
	seen := make(map[string]bool)
	look := func(dir string, reserve int64) {
		if dir == "" || seen[dir] {
			return
		}
		seen[dir] = true
		found = append(found, lookAtDisk(dir, max(reserve, wantFree)))
	}
	eachNode(file, func(_ string, n *pipeline.Node) {
		switch cfg := n.Config.(type) {
		case *record.Config:
			look(cfg.Spool, int64(cfg.Reserve))
		case *hls.Config:
			look(cfg.Directory, 0)
		}
	})
	return found
}

// lookAtDisk measures at the nearest directory that is there.
func lookAtDisk(dir string, want int64) finding {
	at, err := filepath.Abs(dir)
	if err != nil {
		return finding{bad, dir + ": " + err.Error(), ""}
	}
	for {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break
		}
		at = filepath.Dir(at)
	}
	speed, err := diskSpeed(at)
	if err != nil {
		return finding{bad, fmt.Sprintf("%s cannot be written to: %v", dir, err), "give it to the user that runs weir, and look at what is full: df -h " + at}
	}
	var s unix.Statfs_t
	if err := unix.Statfs(at, &s); err != nil {
		return finding{bad, dir + ": " + err.Error(), ""}
	}
	free := int64(s.Bavail) * s.Bsize
	f := finding{good, fmt.Sprintf("%s: %d MB/s, %d GiB free", dir, speed/1_000_000, free>>30), ""}
	switch {
	case free < want:
		f.mark, f.fix = bad, fmt.Sprintf("make room: at least %d GiB", max(1, want>>30))
	case speed < wantSpeed:
		f.mark, f.fix = doubt, "that is slow for several streams: use another disk, or look at what else uses it (iostat -x 1)"
	}
	return f
}

// diskSpeed is how many bytes a second a directory takes for good.
func diskSpeed(dir string) (int64, error) {
	f, err := os.CreateTemp(dir, ".weir-doctor-*")
	if err != nil {
		return 0, err //nolint:wrapcheck // says what and where
	}
	defer os.Remove(f.Name())
	defer f.Close()
	began := time.Now()
	if _, err := f.Write(bytes.Repeat([]byte{0x5a}, probeSize)); err != nil {
		return 0, err //nolint:wrapcheck // likewise
	}
	if err := f.Sync(); err != nil {
		return 0, err //nolint:wrapcheck // likewise
	}
	return int64(float64(probeSize) / max(time.Since(began), time.Microsecond).Seconds()), nil
}

// eachNode calls f for the stages of a file: with their places, "live/{name}#cam".
func eachNode(file *config.File, f func(at string, n *pipeline.Node)) {
	for _, plan := range file.Plans {
		for _, n := range plan.Nodes {
			f(fmt.Sprintf("%s#%s", plan.Def.Pattern, n.Name), n)
		}
	}
}
