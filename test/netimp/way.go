package netimp

import (
	"container/heap"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// way carries packets in one direction.
type way struct {
	in, out *os.File
	path    atomic.Pointer[Path]
	wake    chan struct{}

	mu       sync.Mutex // guards what follows
	schedule schedule
	waiting  waiting
	number   uint64
	counts   Counts
}

// Counts are packets of one direction.
type Counts struct{ Sent, Lost int }

func newWay(in, out *os.File, seed, stream uint64) *way {
	w := &way{
		in: in, out: out, wake: make(chan struct{}, 1),
		schedule: schedule{noise: rand.New(rand.NewPCG(seed, stream))}, //nolint:gosec // the same losses each time
	}
	w.path.Store(&Path{})
	return w
}

// read takes packets until the device is closed.
func (w *way) read() {
	buf := make([]byte, 1<<16)
	for {
		n, err := w.in.Read(buf)
		if err != nil {
			return
		}
		w.take(append([]byte(nil), buf[:n]...), time.Now())
	}
}

func (w *way) take(b []byte, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts.Sent++
	at, ok := w.schedule.arrival(w.path.Load(), b, now)
	if !ok {
		w.counts.Lost++
		return
	}
	w.number++
	heap.Push(&w.waiting, late{at: at, number: w.number, packet: b})
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// write lets packets go when it is their time, until done is closed.
func (w *way) write(done <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(w.release())
		select {
		case <-timer.C:
		case <-w.wake:
		case <-done:
			return
		}
	}
}

// release writes what is due, and returns how long it is to the next.
func (w *way) release() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.waiting) > 0 {
		if d := time.Until(w.waiting[0].at); d > 0 {
			return d
		}
		p, _ := heap.Pop(&w.waiting).(late)
		w.mu.Unlock()
		_, _ = w.out.Write(p.packet) // a full device loses it, as networks do
		w.mu.Lock()
	}
	return time.Hour
}

// late is a packet on its way.
type late struct {
	at     time.Time
	number uint64
	packet []byte
}

// waiting is a heap of packets, the next to arrive first.
type waiting []late

func (w waiting) Len() int      { return len(w) }
func (w waiting) Swap(i, j int) { w[i], w[j] = w[j], w[i] }
func (w waiting) Less(i, j int) bool {
	if !w[i].at.Equal(w[j].at) {
		return w[i].at.Before(w[j].at)
	}
	return w[i].number < w[j].number
}

// Push implements heap.Interface.
func (w *waiting) Push(x any) {
	p, _ := x.(late)
	*w = append(*w, p)
}

// Pop implements heap.Interface.
func (w *waiting) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}
