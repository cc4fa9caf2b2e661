package egress

import (
	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
)

// inbound is SRTCP from the viewer. Session.keysMu guards it.
type inbound struct {
	context *srtp.Context
	header  rtcp.Header
	buf     []byte
	postage postage
}

// maxRTCP bounds the SRTCP packets that are looked at, in bytes.
const maxRTCP = 1500

// handleRTCP decrypts an SRTCP packet and leaves it for the shard.
func (s *Session) handleRTCP(datagram []byte, from origin) {
	if s.State() != Live || len(datagram) > maxRTCP {
		return
	}
	s.keysMu.Lock()
	in := &s.inbound
	plain, err := in.context.DecryptRTCP(in.buf[:0], datagram, &in.header)
	if err != nil {
		s.keysMu.Unlock()
		return
	}
	in.buf = plain
	s.sender.mailbox.put(s, plain)
	s.keysMu.Unlock()
	s.heard(from)
	if !s.settled.Swap(true) {
		s.settle()
	}
}

// settle lets the association go: who sends SRTCP has our last flight.
func (s *Session) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.association != nil {
		close(s.association.settled)
	}
}
