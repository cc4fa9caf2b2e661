package worker

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

const (
	// confined is the name under which the running program starts itself to become a
	// worker.
	confined = "weir-confine"
	// niceness is how much a worker steps back behind the server.
	niceness = 5
	// expendable makes a worker the first to be ended where memory is short, whatever its size
	// (proc(5), oom_score_adj), so that it is not the server.
	expendable = "1000"
	// programFD is where the launcher finds the worker's program.
	programFD = 4
	// nobody owns nothing.
	nobody = 65534
)

// command is how a worker is started: by the running program, which gives up what a
// worker has no use for and becomes it; or at once.
func (h *Host) command(path string) *exec.Cmd {
	cmd := exec.Command(path)
	if h.cfg.Confine {
		cmd = exec.Command("/proc/self/exe")
		cmd.Args = []string{confined, strconv.FormatInt(h.cfg.Memory, 10), path}
	}
	cmd.Env, cmd.Dir = environment(), "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	return cmd
}

// run starts a command, without a network if that is allowed.
func (h *Host) run(cmd *exec.Cmd) error {
	if h.cfg.Confine {
		program, err := os.Open(cmd.Args[2])
		if err != nil {
			return err //nolint:wrapcheck // it names the file
		}
		defer program.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, program)
	}
	alone := *cmd
	attr := *cmd.SysProcAttr
	alone.SysProcAttr = &attr
	attr.Cloneflags = syscall.CLONE_NEWNET
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	}
	if err := alone.Start(); err == nil {
		*cmd = alone
		return h.limit(cmd.Process.Pid)
	}
	if err := cmd.Start(); err != nil {
		return err //nolint:wrapcheck // the caller names the program
	}
	return h.limit(cmd.Process.Pid)
}

// limit bounds a process that did not bound itself. It does nothing before it is told
// its job, so that this comes in time.
func (h *Host) limit(pid int) error {
	if h.cfg.Confine {
		return nil
	}
	_ = unix.Setpriority(unix.PRIO_PGRP, pid, niceness)
	_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte(expendable), 0)
	_ = unix.Prlimit(pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil)
	_ = unix.Prlimit(pid, unix.RLIMIT_AS, &unix.Rlimit{Cur: uint64(h.cfg.Memory), Max: uint64(h.cfg.Memory)}, nil)
	return nil
}

// Confine is what main must begin with in a program whose Host has Config.Confine. If
// the program was started to become a worker, it gives up what a worker has no use for
// and becomes it, and Confine returns only if that failed, with the error; in every
// other case it returns nil at once.
func Confine() error {
	if os.Args[0] != confined {
		return nil
	}
	if len(os.Args) != 3 {
		return errors.New("this is how a server starts its workers, and of no use otherwise")
	}
	memory, err := strconv.ParseUint(os.Args[1], 10, 63)
	if err != nil {
		return fmt.Errorf("the bound of memory: %w", err)
	}
	runtime.LockOSThread() // what follows is of this thread, which becomes the worker
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, niceness)
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(expendable), 0)
	wall(os.Args[2])
	if err := shed(); err != nil {
		return fmt.Errorf("give up privileges: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up privileges: %w", err)
	}
	for resource, most := range map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_AS: memory} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("bound resources: %w", err)
		}
	}
	unix.CloseOnExec(programFD)
	program := "/proc/self/fd/" + strconv.Itoa(programFD)
	return fmt.Errorf("run %s: %w", os.Args[2], unix.Exec(program, []string{os.Args[2]}, os.Environ()))
}

// shed makes root somebody who owns nothing, who still dies with the server.
func shed() error {
	if os.Geteuid() != 0 {
		return nil
	}
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0) //nolint:wrapcheck // the caller says what it is for
}

// wall leaves of the file system what a program and graphics drivers read, and of the
// network nothing, as far as the kernel can do that.
func wall(program string) {
	if there, err := filepath.EvalSymlinks(program); err == nil {
		program = there
	}
	read := []string{"/usr", "/lib", "/lib64", "/etc", "/proc", "/sys", "/opt", "/run/opengl-driver", filepath.Dir(program)}
	read = append(read, libraries(program)...)
	devices, _ := filepath.Glob("/dev/nvidia*")
	_ = landlock.V6.BestEffort().Restrict(
		landlock.RODirs(read...).IgnoreIfMissing(),
		landlock.RWFiles(append(devices, "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")...).IgnoreIfMissing().WithIoctlDev(),
		landlock.RWDirs("/dev/dri", "/dev/shm").IgnoreIfMissing().WithIoctlDev(),
	)
}

// libraries are the directories that a program looks for its libraries in.
func libraries(program string) []string {
	dirs := filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
	f, err := elf.Open(program)
	if err != nil {
		return dirs
	}
	defer f.Close()
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		paths, _ := f.DynString(tag)
		for _, p := range paths {
			for _, dir := range filepath.SplitList(p) {
				dirs = append(dirs, strings.NewReplacer("$ORIGIN", filepath.Dir(program), "${ORIGIN}", filepath.Dir(program)).Replace(dir))
			}
		}
	}
	return dirs
}
