package seal

import (
	"fmt"
	"runtime"

	seccomp "github.com/elastic/go-seccomp-bpf"
)

// forbidden are the system calls that a worker has no use for. They fail with EPERM, so
// that a driver that tries one can go on without.
func forbidden() []string {
	return []string{
		"execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd",
		"socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "io_uring_setup",
		"mount", "umount2", "pivot_root", "chroot", "unshare", "setns",
		"bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key",
		"init_module", "finit_module", "delete_module", "kexec_load", "reboot", "swapon", "swapoff",
	}
}

// Process seals the calling process, all its threads, for good. Sockets and files that
// are open stay usable. The error says that the kernel cannot do it.
func Process() error {
	runtime.LockOSThread() // the filter wants the promise of no new privileges on its thread
	defer runtime.UnlockOSThread()
	err := seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: true, Flag: seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionAllow,
			Syscalls:      []seccomp.SyscallGroup{{Names: forbidden(), Action: seccomp.ActionErrno}},
		},
	})
	if err != nil {
		return fmt.Errorf("give up system calls: %w", err)
	}
	return nil
}
