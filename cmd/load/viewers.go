package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/cmd/load/peer"
)

// Viewers is a number of viewers that watch one stream by WHEP.
type Viewers struct {
	// URL is the WHEP endpoint.
	URL string
	// Count is how many there are, all in all.
	Count int
	// Rate is how many join in a second.
	Rate float64
	// Stay is how long a viewer stays; 0 is until the end.
	Stay time.Duration
	// Sample is the share of viewers that decrypt all that comes, one in so many. The
	// others do so until they have a picture, then count. 0 and 1 are all.
	Sample int
	// SHA1 makes them offer AES-CM with HMAC-SHA1 alone, and not AES-GCM.
	SHA1 bool
}

// joinsAtOnce bounds the viewers that are about to connect. The server does so, too.
const joinsAtOnce = 24

// Audience is what viewers see. It can be read while they watch.
type Audience struct {
	Joined, Watching, Failed                atomic.Int64
	Packets, Bytes, Pictures, Lost, Repeats atomic.Int64
	Freezes, Forged                         atomic.Int64
	Watched                                 atomic.Int64 // viewer-nanoseconds

	// Join is from the offer until there are keys, Picture from the answer until the
	// first key picture is complete, Delay from the publisher's sending of a picture
	// until it is complete, if the publisher says when that was.
	Join, Picture, Delay Times

	mu      sync.Mutex // guards failure
	failure error
}

// Failure is why the first of those failed that did.
func (a *Audience) Failure() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failure
}

func (a *Audience) fail(err error) {
	a.Failed.Add(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failure == nil {
		a.failure = err
	}
}

// Run has them watch until ctx ends or, with a Stay, all have left; joined is called
// when all are connected or have failed. A viewer that fails leaves the others alone;
// the error is about what concerns them all.
func (v Viewers) Run(ctx context.Context, a *Audience, joined func()) error {
	if v.Count < 1 || v.Rate <= 0 {
		return fmt.Errorf("%d viewers at %g a second", v.Count, v.Rate)
	}
	d, err := peer.NewDialer()
	if err != nil {
		return err //nolint:wrapcheck // it says what
	}
	d.ReceiveBuffer, d.SHA1 = 1<<20, v.SHA1
	defer d.Close()
	var group errgroup.Group
	var settled atomic.Int64
	room := make(chan struct{}, joinsAtOnce)
	pace := time.NewTicker(time.Duration(float64(time.Second) / v.Rate))
	defer pace.Stop()
	for n := 0; n < v.Count && ctx.Err() == nil; n++ {
		select {
		case <-pace.C:
			room <- struct{}{}
		case <-ctx.Done():
			continue
		}
		group.Go(func() error {
			s := v.join(ctx, d, a)
			<-room
			if settled.Add(1) == int64(v.Count) {
				joined()
			}
			if s != nil {
				v.watch(ctx, s, a, v.Sample < 2 || n%v.Sample == 0)
			}
			return nil
		})
	}
	return group.Wait() //nolint:wrapcheck // there is none
}

// join connects one viewer, or returns nil.
func (v Viewers) join(ctx context.Context, d *peer.Dialer, a *Audience) *peer.Session {
	s, err := d.Dial(ctx, v.URL, peer.Receive)
	if err != nil {
		if ctx.Err() == nil {
			a.fail(err)
		}
		return nil
	}
	a.Join.Add(s.Connected)
	a.Joined.Add(1)
	a.Watching.Add(1)
	return s
}

// watch has one viewer watch and leave.
func (v Viewers) watch(ctx context.Context, s *peer.Session, a *Audience, all bool) {
	stay := ctx
	if v.Stay > 0 {
		var cancel context.CancelFunc
		stay, cancel = context.WithTimeout(ctx, v.Stay)
		defer cancel()
	}
	began := time.Now()
	w := newViewer(s, a, all)
	unhook := context.AfterFunc(stay, func() { _ = s.Conn.SetReadDeadline(time.Unix(1, 0)) })
	defer unhook()
	err := w.watch(stay)
	w.account()
	a.Watching.Add(-1)
	a.Watched.Add(int64(time.Since(began)))
	if stay.Err() == nil {
		a.fail(fmt.Errorf("watch: %w", err))
	}
	s.Leave(context.WithoutCancel(ctx))
}

var errSilent = errors.New("nothing has come for 10 s")
