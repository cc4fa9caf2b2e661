package worker

import (
	"log/slog"
	"net"
	"sync"

	"weir/transcode/wire"
)

// NewTestSession makes a session whose workers are served in this process, by one
// function after the other; the last one serves all that follow.
func NewTestSession(job wire.Job, sink Sink, log *slog.Logger, serve ...func(net.Conn)) *Session {
	s := newSession(job, sink, log)
	var started int
	s.launch = func() (*process, error) {
		ours, theirs := net.Pipe()
		ended := make(chan struct{})
		f := serve[min(started, len(serve)-1)]
		started++
		go func() {
			defer close(ended)
			defer theirs.Close()
			f(theirs)
		}()
		return &process{
			conn: ours, pid: started, ended: ended,
			kill: sync.OnceFunc(func() { _ = theirs.Close() }),
			why:  func() string { return "it was a test" },
		}, nil
	}
	return s
}
