package rtmpd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// The pause after a failure to accept doubles from the first to the last.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
)

// accept takes connections until ctx ends. When accepting fails, as it does when
// there are no file descriptors left, it pauses: connections wait in the kernel
// until some are free again, and those that are open lose nothing.
func (s *Server) accept(ctx context.Context, ln net.Listener, begin func(net.Conn, *ticket)) error {
	pause := time.Duration(0)
	for {
		c, err := ln.Accept()
		switch {
		case err == nil:
			pause = 0
			t, ok := s.gate.enter(c)
			if !ok {
				s.turnedAway(c)
				continue
			}
			begin(c, t)
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("rtmp listener: %w", err)
		default:
			if pause == 0 {
				s.log.Warn("rtmp: cannot accept connections; trying again", "error", err)
			}
			pause = min(max(2*pause, firstPause), lastPause)
			s.count.acceptErrors.Add(1)
			s.sleep(ctx, pause)
		}
	}
}

// sleep waits, visibly in Stats.
func (s *Server) sleep(ctx context.Context, d time.Duration) {
	s.count.paused.Add(1)
	defer s.count.paused.Add(-1)
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// turnedAway closes a connection that the gate refused, and counted.
func (s *Server) turnedAway(c net.Conn) {
	_ = c.Close()
	s.tally.note(s, "limits", remote(c).Addr(), errors.New("too many connections"))
}

// refused counts a refusal and mentions it in the log.
func (s *Server) refused(r Refusal, from netip.Addr, why error) {
	s.count.refused[r].Add(1)
	s.tally.note(s, r.String(), from, why)
}

// tally keeps floods of refusals out of the log: the first of a kind is logged
// at once, then at most one every quiet with the number in between.
type tally struct {
	mu    sync.Mutex
	kinds map[string]*tallied
}

type tallied struct {
	last   time.Time
	missed int
}

const quiet = 10 * time.Second

func (t *tally) note(s *Server, kind string, from netip.Addr, why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.kinds[kind]
	if k == nil {
		if t.kinds == nil {
			t.kinds = make(map[string]*tallied)
		}
		k = &tallied{}
		t.kinds[kind] = k
	}
	now := time.Now()
	if now.Sub(k.last) < quiet {
		k.missed++
		return
	}
	s.log.Warn("rtmp: connection refused", "reason", kind, "remote", from, "error", why, "more", k.missed)
	k.last, k.missed = now, 0
}
