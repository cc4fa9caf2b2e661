package egress

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"weir/pipeline/media"
)

// Sender is the way out of one shard. Open may be called from any goroutine; all
// other methods, and those of its sessions' streams, are for the shard's goroutine.
type Sender struct {
	engine  *Engine
	mailbox mailbox

	sessions []*Session // live
	batches  []*batch   // one for each socket in use
	scratch  [maxPacket]byte
	mail     mail
	events   []Event
	arrivals []Arrival
	polls    uint64
	reported time.Duration // when sender reports were last looked for
}

// NewSender makes a sender.
func (e *Engine) NewSender() *Sender {
	s := &Sender{engine: e}
	s.mailbox.init(e.limits.Mailbox)
	return s
}

const maxStreams = 8

// Open begins a session of this sender: from now on checks under its credentials
// are answered. The error is ErrBusy at a limit, or says what is wrong with p.
func (s *Sender) Open(p SessionParams) (*Session, error) {
	prints, err := parseFingerprints(p.Fingerprints)
	if err != nil {
		return nil, err
	}
	if err := checkStreams(p.Streams); err != nil {
		return nil, err
	}
	session := &Session{
		engine: s.engine, sender: s, fingerprints: prints, opened: s.engine.now(),
		local: newCredentials(), remoteUfrag: p.RemoteUfrag,
		outbound: outbound{cname: p.CNAME[:min(len(p.CNAME), 255)], epoch: p.Epoch, streams: make([]Stream, len(p.Streams))},
	}
	if p.Client.IsValid() {
		session.client = client(p.Client)
	}
	session.allowance.left = s.engine.limits.RetransmitRate / 2
	session.state.Store(uint32(Opened))
	for i := range p.Streams {
		session.streams[i].init(session, i, p.Streams[i])
	}
	if err := s.engine.registry.add(session, session.local.Ufrag); err != nil {
		return nil, err
	}
	return session, nil
}

func checkStreams(all []StreamParams) error {
	if len(all) == 0 || len(all) > maxStreams {
		return fmt.Errorf("egress: %d streams", len(all))
	}
	ssrcs := make(map[uint32]bool)
	for _, p := range all {
		x := &p.Extensions
		switch {
		case p.Rate == 0:
			return errors.New("egress: a stream without a clock")
		case p.PayloadType > 127 || p.RTXPayloadType > 127:
			return errors.New("egress: a payload type above 127")
		case max(x.TransportCC, x.AbsCaptureTime, x.PlayoutDelay) > 14:
			return errors.New("egress: a header extension above 14")
		case ssrcs[p.SSRC] || p.RTXPayloadType != 0 && (ssrcs[p.RTXSSRC] || p.RTXSSRC == p.SSRC):
			return errors.New("egress: an SSRC twice")
		}
		ssrcs[p.SSRC] = true
		if p.RTXPayloadType != 0 {
			ssrcs[p.RTXSSRC] = true
		}
	}
	return nil
}

// Wake is readable when Poll has something to return.
func (s *Sender) Wake() <-chan struct{} { return s.mailbox.wake }

// Poll does what is due (retransmissions, sender reports: call it at least every
// 100 ms while there are sessions) and returns what has happened since the last
// call. The slice is valid until the next one. What Poll sends leaves before it
// returns.
func (s *Sender) Poll() []Event {
	s.polls++
	s.events, s.arrivals = s.events[:0], s.arrivals[:0]
	s.mailbox.take(&s.mail)
	for _, c := range s.mail.changes {
		if !c.gone {
			c.session.registered = true
			s.sessions = append(s.sessions, c.session)
			s.events = append(s.events, Event{Kind: Connected, Session: c.session})
		}
	}
	now := s.engine.now()
	for _, l := range s.mail.letters {
		if l.session.registered {
			s.read(l.session, s.mail.bytes[l.start:l.end], l.at, now)
		}
	}
	for _, c := range s.mail.changes {
		if c.gone {
			s.drop(c.session)
			s.events = append(s.events, Event{Kind: Closed, Session: c.session, Reason: c.why})
		}
	}
	s.report(now)
	s.Flush()
	return s.events
}

func (s *Sender) drop(session *Session) {
	session.registered = false
	if i := slices.Index(s.sessions, session); i >= 0 {
		s.sessions = slices.Delete(s.sessions, i, i+1)
	}
}

// Send writes packets, units of form RTP of one track and layer, to each of the
// streams, in the order given, all packets of a viewer one behind the other: a
// frame of packets of the same size leaves as one. Streams whose session is not
// live are passed over. The last packets may wait for Flush.
//
// A stream's own sequence numbers go on by the distances of the units' numbers, so
// that a gap upstream is one for the viewer; a unit of another layer, a
// discontinuity, or the first one after Stream.Skip follows without a gap.
// Timestamps are the units' PTS plus a constant of the stream. Payloads of more than
// 1402 bytes are not sent.
func (s *Sender) Send(packets []*media.Unit, to []*Stream) {
	now := s.engine.now()
	for _, st := range to {
		session := st.session
		way := session.path.Load()
		if State(session.state.Load()) != Live || way == nil {
			st.skipped = true
			continue
		}
		w := writer{sender: s, session: session, way: way, now: now}
		for _, u := range packets {
			w.media(st, u)
		}
		w.done()
	}
}

// Flush sends what Send has left.
func (s *Sender) Flush() {
	for _, b := range s.batches {
		b.flush()
	}
}

// Close closes all sessions of the sender. Nothing may be opened or sent
// afterwards.
func (s *Sender) Close() {
	for _, session := range s.engine.registry.all() {
		if session.sender == s {
			session.end(ByOwner)
		}
	}
}

// batchFor is the batch of a socket.
func (s *Sender) batchFor(socket *Socket) *batch {
	for _, b := range s.batches {
		if b.socket == socket {
			return b
		}
	}
	b := newBatch(socket)
	s.batches = append(s.batches, b)
	return b
}
