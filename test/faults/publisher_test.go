//go:build e2e

package faults

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
)

// sending is a frame that was written to a connection, and when.
type sending struct {
	mark
	when time.Time
}

// publisher is a publishing session that notes what it sends.
type publisher struct {
	t      testing.TB
	client *rtmpd.Client
	conn   *net.TCPConn

	mu   sync.Mutex // guards sent
	sent map[media.Kind][]sending
}

// dial publishes at a path with a key.
func (s *server) dial(t testing.TB, path, key string) (*publisher, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	p := &publisher{t: t, sent: make(map[media.Kind][]sending)}
	var err error
	p.client, err = rtmpd.Dial(ctx, "rtmp://"+s.rtmp+"/"+path+"?key="+key, rtmpd.DialOptions{
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if tcp, ok := c.(*net.TCPConn); ok {
				p.conn = tcp
			}
			return c, err
		},
	})
	if err != nil {
		return nil, err
	}
	t.Cleanup(p.reset)
	return p, nil
}

// publish is dial with the right key, which has to succeed.
func (s *server) publish(t testing.TB, path string) *publisher {
	t.Helper()
	p, err := s.dial(t, path, key)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// send sends the next d of a stream, speed times as fast as it happens.
func (p *publisher) send(st *stream, d time.Duration, speed float64) error {
	began, from := time.Now(), st.now()
	pace := time.NewTimer(0)
	defer pace.Stop()
	for st.now() < from+d {
		pace.Reset(time.Until(began.Add(time.Duration(float64(st.now()-from) / speed))))
		select {
		case <-pace.C:
		case <-p.client.Done():
			return p.client.Err()
		case <-p.t.Context().Done():
			return p.t.Context().Err()
		}
		if err := p.write(st.next()); err != nil {
			return err
		}
	}
	return nil
}

func (p *publisher) write(f frame) error {
	for _, tag := range f.tags {
		if err := p.client.Write(rtmpd.Message{Type: uint8(tag.Type), Timestamp: tag.Timestamp, Payload: tag.Payload}); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent[f.kind] = append(p.sent[f.kind], sending{f.mark, time.Now()})
	return nil
}

// play is send in real time, which has to succeed.
func (p *publisher) play(st *stream, d time.Duration) {
	p.t.Helper()
	if err := p.send(st, d, 1); err != nil {
		p.t.Errorf("publisher %d: %v", st.session, err)
	}
}

// of are the frames of a kind that were sent so far, in order.
func (p *publisher) of(kind media.Kind) []sending {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]sending(nil), p.sent[kind]...)
}

// close ends the publish as encoders do.
func (p *publisher) close() {
	if p.client != nil {
		_ = p.client.Close()
	}
}

// reset breaks the connection off: the peer gets a RST.
func (p *publisher) reset() {
	if p.conn != nil {
		_ = p.conn.SetLinger(0)
		_ = p.conn.Close()
	}
	if p.client != nil {
		<-p.client.Done()
	}
}
