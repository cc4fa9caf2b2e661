package netimp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// The addresses of the two ends. The far end has the same on each link.
const (
	Near = "10.77.0.1"
	Far  = "10.77.0.2"
)

// Link is a path between two network namespaces of its own, near and far. Each has its
// loopback interface, too.
type Link struct {
	name    string
	ways    [2]*way // from near to far, and back
	devices []*os.File
	done    chan struct{}
	running sync.WaitGroup
}

// ErrUnable is what New returns where there can be no Link.
var ErrUnable = errors.New("netimp: network namespaces and TUN devices need Linux and root")

// New makes a link. The same seed loses the same packets of a row.
func New(ctx context.Context, seed uint64) (*Link, error) {
	if os.Geteuid() != 0 {
		return nil, ErrUnable
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnable, err)
	}
	l := &Link{name: "netimp-" + strings.ToLower(rand.Text()[:8]), done: make(chan struct{})}
	for end, address := range []string{Near, Far} {
		device, err := l.open(ctx, l.namespace(end), address)
		if err != nil {
			l.Close()
			return nil, err
		}
		l.devices = append(l.devices, device)
	}
	near, far := l.devices[0], l.devices[1]
	l.ways = [2]*way{newWay(near, far, seed, 1), newWay(far, near, seed, 2)}
	for _, w := range l.ways {
		l.running.Go(w.read)
		l.running.Go(func() { w.write(l.done) })
	}
	return l, nil
}

// Impair makes a path of one direction, towards the far end and back, what is said from
// the next packet on.
func (l *Link) Impair(there, back Path) {
	l.ways[0].path.Store(&there)
	l.ways[1].path.Store(&back)
}

// Counts are the packets so far, towards the far end and back.
func (l *Link) Counts() (there, back Counts) {
	for i, c := range []*Counts{&there, &back} {
		l.ways[i].mu.Lock()
		*c = l.ways[i].counts
		l.ways[i].mu.Unlock()
	}
	return there, back
}

// AtNear and AtFar are the words in front of a command that is to run at that end.
func (l *Link) AtNear() []string { return []string{"ip", "netns", "exec", l.namespace(0)} }

// AtFar is AtNear for the other end.
func (l *Link) AtFar() []string { return []string{"ip", "netns", "exec", l.namespace(1)} }

// DialNear connects from the near end to a numeric address.
func (l *Link) DialNear(ctx context.Context, network, address string) (net.Conn, error) {
	return within(l.namespace(0), func() (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	})
}

// Close ends the link and takes its namespaces away.
func (l *Link) Close() {
	close(l.done)
	for _, d := range l.devices {
		_ = d.Close()
	}
	l.running.Wait()
	for end := range 2 {
		_ = ip(context.Background(), "netns", "del", l.namespace(end))
	}
}

func (l *Link) namespace(end int) string { return l.name + []string{"-near", "-far"}[end] }

// open makes a namespace with a device in it.
func (l *Link) open(ctx context.Context, namespace, address string) (*os.File, error) {
	if err := ip(ctx, "netns", "add", namespace); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnable, err)
	}
	device, err := within(namespace, tun)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnable, err)
	}
	for _, words := range [][]string{
		{"link", "set", "lo", "up"},
		{"addr", "add", address + "/24", "dev", deviceName},
		{"link", "set", deviceName, "up"},
	} {
		if err := ip(ctx, append([]string{"-n", namespace}, words...)...); err != nil {
			_ = device.Close()
			return nil, err
		}
	}
	return device, nil
}

func ip(ctx context.Context, words ...string) error {
	if out, err := exec.CommandContext(ctx, "ip", words...).CombinedOutput(); err != nil {
		return fmt.Errorf("netimp: ip %v: %w: %s", words, err, out)
	}
	return nil
}

// within calls f on a thread that is in a namespace, and ends with f: the goroutine
// that is locked to it does.
func within[T any](namespace string, f func() (T, error)) (T, error) {
	type result struct {
		got T
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread()
		var r result
		if r.err = enter(namespace); r.err == nil {
			r.got, r.err = f()
		}
		done <- r
	}()
	r := <-done
	return r.got, r.err
}

// enter moves the calling thread to a namespace.
func enter(namespace string) error {
	n, err := os.Open("/var/run/netns/" + namespace)
	if err != nil {
		return fmt.Errorf("netimp: %w", err)
	}
	defer n.Close()
	if err := unix.Setns(int(n.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("netimp: enter %s: %w", namespace, err)
	}
	return nil
}

const deviceName = "imp0"

// tun makes a TUN device that carries bare IP packets.
func tun() (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("netimp: open a TUN device: %w", err)
	}
	request, err := unix.NewIfreq(deviceName)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("netimp: make a TUN device: %w", err)
	}
	return os.NewFile(uintptr(fd), "tun"), nil
}
