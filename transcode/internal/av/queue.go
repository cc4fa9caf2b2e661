//go:build libav && cgo

package av

import (
	"sync"

	"weir/transcode/wire"
)

// The most that waits before a lane. The server's edge drops what does not fit there.
const (
	queueMessages = 256
	queueBytes    = 32 << 20
)

// queue is what waits before a lane. One goroutine puts and one takes.
type queue struct {
	mu     sync.Mutex // guards what is below
	change sync.Cond
	waits  []wire.Message
	bytes  int
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.change.L = &q.mu
	return q
}

func weight(m wire.Message) int {
	if u, ok := m.(wire.Unit); ok {
		return u.Size()
	}
	return 0
}

// put waits for room. It does nothing once the queue is closed.
func (q *queue) put(m wire.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed && len(q.waits) > 0 && (len(q.waits) >= queueMessages || q.bytes+weight(m) > queueBytes) {
		q.change.Wait()
	}
	if q.closed {
		return
	}
	q.waits = append(q.waits, m)
	q.bytes += weight(m)
	q.change.Broadcast()
}

// take waits for a message. It is nil once the queue is closed.
func (q *queue) take() wire.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed && len(q.waits) == 0 {
		q.change.Wait()
	}
	if q.closed {
		return nil
	}
	m := q.waits[0]
	q.waits[0] = nil
	q.waits = q.waits[1:]
	q.bytes -= weight(m)
	q.change.Broadcast()
	return m
}

// close throws away what waits.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed, q.waits = true, nil
	q.change.Broadcast()
}
