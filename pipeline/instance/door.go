package instance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"weir/pipeline"
)

// ErrNoPipeline says that no definition serves a path.
var ErrNoPipeline = errors.New("no pipeline is declared for this path")

// wakeAgain is how long a peer waits for a seat before it makes sure that the
// instance that was to take it has not ended meanwhile.
const wakeAgain = 100 * time.Millisecond

// Door is where peers of type P arrive: publishers of one protocol, say. A stage
// factory owns one and lends it its Announce; a service calls Enter for every peer;
// each running stage has a Seat. The zero Door is ready for use.
type Door[P any] struct {
	mu        sync.Mutex // guards what follows
	announced []*pipeline.Announcement
	seats     map[string]*Seat[P]
	seated    chan struct{} // closed and replaced whenever a seat is taken
}

// Announce makes a definition's address known until withdraw is called; see
// pipeline.Announcer.
func (d *Door[P]) Announce(a pipeline.Announcement) (withdraw func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, other := range d.announced {
		if other.Pattern.String() == a.Pattern.String() {
			return nil, fmt.Errorf("%s is announced twice", a.Pattern)
		}
	}
	d.announced = append(d.announced, &a)
	slices.SortFunc(d.announced, func(a, b *pipeline.Announcement) int { return a.Pattern.Compare(b.Pattern) })
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.announced = slices.DeleteFunc(d.announced, func(o *pipeline.Announcement) bool { return o == &a })
	}, nil
}

// Enter brings a peer to the stage that serves path. admit decides by the
// definition's announcement whether the peer may enter; its error is returned as it
// is. Then the instance is woken, and the peer handed over as soon as the stage
// takes it. Until then ctx bounds the wait.
func (d *Door[P]) Enter(ctx context.Context, path string, admit func(*pipeline.Announcement) error, peer P) error {
	a := d.lookup(path)
	if a == nil {
		return ErrNoPipeline
	}
	if err := admit(a); err != nil {
		return err
	}
	for {
		if err := a.Wake(path); err != nil {
			return err
		}
		seat, taken := d.seat(path)
		if seat == nil {
			select {
			case <-taken:
				continue
			case <-time.After(wakeAgain):
				continue
			case <-ctx.Done():
				return fmt.Errorf("the pipeline %s did not take the peer: %w", path, ctx.Err())
			}
		}
		select {
		case seat.peers <- peer:
			return nil
		case <-seat.left:
		case <-ctx.Done():
			return fmt.Errorf("the pipeline %s did not take the peer: %w", path, ctx.Err())
		}
	}
}

func (d *Door[P]) lookup(path string) *pipeline.Announcement {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.announced {
		if _, ok := a.Pattern.Match(path); ok {
			return a
		}
	}
	return nil
}

// seat is the seat at path, or nil and a channel that closes when one is taken.
func (d *Door[P]) seat(path string) (*Seat[P], <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seated == nil {
		d.seated = make(chan struct{})
	}
	return d.seats[path], d.seated
}

// Sit takes the seat at a path, for a stage that runs there. It fails if another
// stage has it.
func (d *Door[P]) Sit(path string) (*Seat[P], error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seats[path] != nil {
		return nil, fmt.Errorf("%s is served by another stage", path)
	}
	if d.seats == nil {
		d.seats = make(map[string]*Seat[P])
	}
	s := &Seat[P]{door: d, path: path, peers: make(chan P), left: make(chan struct{})}
	d.seats[path] = s
	if d.seated != nil {
		close(d.seated)
		d.seated = nil
	}
	return s, nil
}

// Seat is a stage's place at a Door.
type Seat[P any] struct {
	door  *Door[P]
	path  string
	peers chan P
	left  chan struct{}
}

// Peers hands over who entered. Whoever reads from it owns the peer.
func (s *Seat[P]) Peers() <-chan P { return s.peers }

// Leave gives the seat up. It is called once.
func (s *Seat[P]) Leave() {
	s.door.mu.Lock()
	defer s.door.mu.Unlock()
	delete(s.door.seats, s.path)
	close(s.left)
}
