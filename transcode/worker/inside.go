package worker

import (
	"net"
	"sync"

	"weir/transcode/wire"
)

// NewHostInside makes a Host whose workers are served within this process, by serve,
// which can do what it says: for tests in virtual time.
func NewHostInside(cfg Config, can wire.Capabilities, serve func(net.Conn) error) *Host {
	h := NewHost(cfg)
	h.known = &can
	var mu sync.Mutex
	var started int
	h.begin = func() (*process, error) {
		mu.Lock()
		defer mu.Unlock()
		started++
		ours, theirs := net.Pipe()
		ended := make(chan struct{})
		var fault error
		go func() {
			defer close(ended)
			defer theirs.Close()
			fault = serve(theirs)
		}()
		return &process{
			conn: ours, pid: started, ended: ended,
			kill: func() { _ = theirs.Close() },
			why: func() string {
				if fault == nil {
					return "it returned"
				}
				return fault.Error()
			},
		}, nil
	}
	return h
}
