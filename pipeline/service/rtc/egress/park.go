package egress

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/pion/dtls/v3"
)

// parked is what remains of DTLS during the session: enough to say goodbye, and to
// understand the viewer's.
type parked struct {
	// farewell is the close_notify record that the association wrote last, and
	// nobody has seen: it goes out when the session ends.
	farewell []byte
	state    dtls.State
	tries    int
	busy     bool
}

// maxUnparks bounds how often a session looks into alerts that turn out to be
// nobody's.
const maxUnparks = 4

// park lets the association's goroutines go.
func (s *Session) park(a *association, conn *dtls.Conn) {
	s.mu.Lock()
	gone := s.State() == Gone
	if !gone {
		a.transport.muted.Store(true)
	}
	s.mu.Unlock()
	_ = conn.Close() // writes close_notify: to the viewer if the session is gone
	_ = a.transport.Close()
	if gone {
		return
	}
	// The state is taken after the last record was written, so that no record
	// counter is used twice.
	state, ok := conn.ConnectionState()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch way := s.path.Load(); {
	case a.transport.kept() == nil:
		s.association = nil
	case s.State() != Gone && ok:
		s.association = nil
		s.parked = &parked{farewell: a.transport.kept(), state: state}
	case s.State() == Gone && way != nil && s.told:
		way.write(a.transport.kept()) // it ended while it was being parked
	}
}

// isAlert looks at a record's type and epoch, and whether it is as short as alerts
// are.
func isAlert(d []byte) bool { return len(d) >= 13 && len(d) < 128 && d[0] == 21 && d[4] != 0 }

// unpark finds out whether an alert is the viewer's goodbye. Called with mu held.
func (s *Session) unpark(alert []byte) {
	p := s.parked
	way := s.path.Load()
	if p.busy || p.tries >= maxUnparks || way == nil || !s.engine.registry.beginHandshake(way.addr.Addr()) {
		return
	}
	p.busy = true
	p.tries++
	t := newTransport(s)
	t.muted.Store(true)
	alert = bytes.Clone(alert)
	go func() {
		defer s.engine.registry.working.Done()
		genuine := s.closesWith(p, t, alert)
		s.engine.registry.endHandshake(way.addr.Addr())
		if genuine {
			s.end(ByPeer)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		p.busy = false
	}()
}

// unparkFor is more than enough to decrypt one record.
const unparkFor = time.Second

// closesWith says whether the alert ends the association. DTLS answers an authentic
// close_notify with its own, and nothing else.
func (s *Session) closesWith(p *parked, t *transport, alert []byte) bool {
	conn, err := dtls.ResumeWithOptions(&p.state, t, t.LocalAddr(), dtls.WithCertificates(s.engine.certificate), silent())
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), unparkFor)
	defer cancel()
	if conn.HandshakeContext(ctx) != nil {
		return false
	}
	t.deliver(alert)
	_ = conn.SetReadDeadline(time.Now().Add(unparkFor))
	_, err = conn.Read(make([]byte, 64))
	answered := err == io.EOF && t.kept() != nil //nolint:errorlint // the library returns it as it is
	_ = conn.Close()
	return answered
}
