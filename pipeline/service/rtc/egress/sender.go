package egress

import "weir/pipeline/media"

// Sender is the way out of one shard. Open may be called from any goroutine; all
// other methods, and those of its sessions' streams, are for the shard's goroutine.
type Sender struct{}

// NewSender makes a sender.
func (e *Engine) NewSender() *Sender { return &Sender{} }

// Open begins a session of this sender: from now on checks under its credentials
// are answered. The error is ErrBusy at a limit, or says what is wrong with p.
func (s *Sender) Open(p SessionParams) (*Session, error) { return nil, ErrBusy }

// Wake is readable when Poll has something to return.
func (s *Sender) Wake() <-chan struct{} { return nil }

// Poll does what is due (retransmissions, sender reports: call it at least every
// 100 ms while there are sessions) and returns what has happened since the last
// call. The slice is valid until the next one. What Poll sends leaves before it
// returns.
func (s *Sender) Poll() []Event { return nil }

// Send writes packets, units of form RTP of one track and layer, to each of the
// streams, in the order given, all packets of a viewer one behind the other: a
// frame of packets of the same size leaves as one. Streams whose session is not
// live are passed over. The last packets may wait for Flush.
//
// A stream's own sequence numbers go on by the distances of the units' numbers, so
// that a gap upstream is one for the viewer; a unit of another layer, a
// discontinuity, or the first one after Stream.Skip follows without a gap.
// Timestamps are the units' PTS plus a constant of the stream.
func (s *Sender) Send(packets []*media.Unit, to []*Stream) {}

// Flush sends what Send has left.
func (s *Sender) Flush() {}

// Probe sends about bytes of what st has sent last once more on its retransmission
// stream, to see whether the path takes them, and returns how many it sent: 0
// without RTX or History.
func (s *Sender) Probe(st *Stream, bytes int) int { return 0 }

// Close closes all sessions of the sender. Nothing may be opened or sent
// afterwards.
func (s *Sender) Close() {}
