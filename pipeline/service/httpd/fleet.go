package httpd

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// fleet are the connections that were taken over from one http.Server.
type fleet struct {
	server *Server
	http   *http.Server
	ended  atomic.Bool    // set with mu held
	crews  sync.WaitGroup // those in all

	mu  sync.Mutex // guards all
	all map[*express]struct{}
}

// fleetKey is under which a request's context has its fleet.
type fleetKey struct{}

func newFleet(s *Server) *fleet { return &fleet{server: s, all: make(map[*express]struct{})} }

// start lets e answer what is asked of it.
func (f *fleet) start(e *express) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended.Load() {
		e.cancel()
		_ = e.conn.Close()
		return
	}
	f.all[e] = struct{}{}
	f.server.door.lean.Add(1)
	f.crews.Go(func() {
		defer f.leave(e)
		e.run()
	})
}

func (f *fleet) leave(e *express) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, e)
	f.server.door.lean.Add(-1)
}

func (f *fleet) each(do func(*express)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for e := range f.all {
		do(e)
	}
}

// giveBack lets package net/http go on with a connection. A server that has been
// shut down does not want it.
func (f *fleet) giveBack(c net.Conn) {
	one := &single{conn: c}
	if _ = f.http.Serve(one); one.conn != nil {
		_ = c.Close()
	}
}

// watchEvery is how often is looked whether clients who wait are still there.
const watchEvery = time.Second

// watch ends the requests of clients who have gone, until ctx ends. Those that are
// answered at once do not need it: nobody else reads from their connections while
// they are, which is what makes them cheap.
func (f *fleet) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		waited := time.Now().Add(-watchEvery).UnixNano()
		f.each(func(e *express) {
			if since := e.since.Load(); since != 0 && since < waited && e.reply.tcp != nil && gone(e.reply.tcp) {
				e.cancel()
			}
		})
	}
}

// drain ends the connections: the idle ones now, the others with their response,
// but those that ctx does not leave the time for at once.
func (f *fleet) drain(ctx context.Context) {
	f.mu.Lock()
	f.ended.Store(true)
	f.mu.Unlock()
	f.each(func(e *express) { _ = e.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer context.AfterFunc(ctx, func() {
		f.each(func(e *express) {
			e.cancel()
			_ = e.conn.Close()
		})
	})()
	f.crews.Wait()
}
