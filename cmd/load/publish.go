package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/pipeline/service/rtmpd"
)

// Publishers is a number of publishers that send the stream in real time.
type Publishers struct {
	// URL is where to publish, with "*" for the publisher's number.
	URL string
	// Count is how many there are.
	Count int
	// ChunkSize is the most payload that they put into a chunk, in bytes: OBS takes
	// 4096, ffmpeg 128 unless the server asks for more.
	ChunkSize int
	// Sound is what there is beside the pictures; empty is AAC.
	Sound Sound
}

// Published is what publishers have done.
type Published struct {
	Messages int64
	// Late is how long after its time the latest message was sent: much of it means
	// that the load came in bursts, and that less of it was measured.
	Late time.Duration
}

// Run publishes until ctx ends, and calls live when all publishers are accepted.
// Their clocks are spread over a group of pictures, so that key frames do not
// coincide. The first to fail ends it.
func (p Publishers) Run(ctx context.Context, live func()) (Published, error) {
	w, err := newWire(p.ChunkSize, p.Sound)
	if err != nil {
		return Published{}, err
	}
	var tally tally
	group, ctx := errgroup.WithContext(ctx)
	var accepted atomic.Int64
	for n := range p.Count {
		group.Go(func() error {
			s := sender{wire: w, tally: &tally}
			if err := s.dial(ctx, p, n); err != nil {
				return err
			}
			defer func() { _ = s.session.Close() }()
			if accepted.Add(1) == int64(p.Count) {
				live()
			}
			group := time.Duration(groupSize) * time.Second / frameRate
			return s.send(ctx, time.Now().Add(group*time.Duration(n)/time.Duration(p.Count)))
		})
	}
	err = group.Wait()
	return Published{Messages: tally.messages.Load(), Late: time.Duration(tally.late.Load())}, err
}

// tally adds up what all publishers do.
type tally struct{ messages, late atomic.Int64 }

func (t *tally) sent(late time.Duration) {
	t.messages.Add(1)
	for {
		was := t.late.Load()
		if int64(late) <= was || t.late.CompareAndSwap(was, int64(late)) {
			return
		}
	}
}

// sender is one publisher. The session is a client's; what is sent goes past it.
type sender struct {
	wire    *wire
	tally   *tally
	session *rtmpd.Client
	conn    net.Conn
	head    []byte // scratch
}

func (s *sender) dial(ctx context.Context, p Publishers, n int) error {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		s.conn = conn
		return conn, err
	}
	var err error
	s.session, err = rtmpd.Dial(ctx, numbered(p.URL, n), rtmpd.DialOptions{
		ChunkSize: p.ChunkSize, Dial: dial, Encoder: "weir load " + strconv.Itoa(n),
	})
	if err != nil {
		return err
	}
	return s.conn.SetWriteDeadline(time.Time{}) // the session has left one behind
}

// send sends the stream, its first frame at start.
func (s *sender) send(ctx context.Context, start time.Time) error {
	if _, err := s.conn.Write(s.wire.head); err != nil {
		return s.failure(err)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ; ; start = start.Add(turn) {
		for _, m := range s.wire.messages {
			due := start.Add(m.due)
			timer.Reset(time.Until(due))
			select {
			case <-timer.C:
			case <-ctx.Done():
				return nil
			}
			if err := s.write(m); err != nil {
				return s.failure(err)
			}
			s.tally.sent(time.Since(due))
		}
	}
}

// write sends a message, with the time if it has room for that.
func (s *sender) write(m timed) error {
	if m.stamp == 0 {
		_, err := s.conn.Write(m.bytes)
		return err
	}
	s.head = append(s.head[:0], m.bytes[:m.stamp+stampBytes]...)
	putStamp(s.head[m.stamp:], time.Now())
	parts := net.Buffers{s.head, m.bytes[len(s.head):]}
	_, err := parts.WriteTo(s.conn)
	return err
}

// failure is what the server has said, or else that it has said nothing.
func (s *sender) failure(err error) error {
	_ = s.conn.SetReadDeadline(time.Now().Add(time.Second)) // fails only if it is closed
	<-s.session.Done()
	if said := s.session.Err(); said != nil && !errors.Is(said, net.ErrClosed) {
		err = said
	}
	return fmt.Errorf("publish: %w", err)
}
