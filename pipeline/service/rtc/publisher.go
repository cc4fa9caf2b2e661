package rtc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"weir/pipeline/media"
)

// Publisher is a peer that sends media. Any goroutine may call its methods, but only
// one at a time Recv.
type Publisher struct {
	server *Server
	pc     *webrtc.PeerConnection
	offer  *Offer
	remote netip.Addr // of its signalling
	leave  func()     // of the half-open ones

	live    chan struct{} // closed with the first RTP packet
	checked chan struct{} // closed when a pair of addresses works
	once    struct{ live, checked, end sync.Once }
	done    chan struct{} // closed with why set
	why     error

	signalling sync.Mutex // held while descriptions change; guards answer and theirs
	answer     *answer
	theirs     credentials

	mu      sync.Mutex // guards what follows
	layers  []*layer
	ended   bool
	reading sync.WaitGroup

	receiver receiver
	stats    atomic.Pointer[[]StreamStats]
}

// Reasons for which a publisher ends.
var (
	// ErrUnreachable says that no pair of addresses worked in time.
	ErrUnreachable = errors.New("no connection came about")
	// ErrSilent says that a connection came about and no media.
	ErrSilent = errors.New("no media came")
	// ErrGone says that the peer closed the connection or is not heard of any more.
	ErrGone = errors.New("the connection is gone")
)

// Publish answers an offer whose signalling came from remote. The publisher is half
// open until its first RTP packet. A *[Refusal] says why it is not served. What ctx
// bounds is the answer, not the publisher, which lives until [Publisher.Close].
func (s *Server) Publish(ctx context.Context, o *Offer, remote netip.Addr) (*Publisher, error) {
	leave, ok := s.halfOpen.enter(remote)
	if !ok {
		s.refused.Add(1)
		return nil, refuse(Busy, "Too many publishers are about to connect. Please try again soon.")
	}
	pc, err := s.api.NewPeerConnection(webrtc.Configuration{
		Certificates: []webrtc.Certificate{s.cert},
		BundlePolicy: webrtc.BundlePolicyMaxBundle,
	})
	if err != nil {
		leave()
		return nil, fmt.Errorf("make a peer connection: %w", err)
	}
	p := &Publisher{
		server: s, pc: pc, offer: o, remote: remote, leave: leave,
		receiver: receiver{in: make(chan arrival, receiveQueue), nudge: make(chan struct{}, 1)},
		live:     make(chan struct{}), checked: make(chan struct{}), done: make(chan struct{}),
		theirs: o.credentials,
	}
	if err := s.admit(p); err != nil {
		leave()
		_ = pc.Close() // it has done nothing yet
		return nil, err
	}
	if err := p.open(ctx); err != nil {
		p.End(err)
		return nil, err
	}
	return p, nil
}

// admit makes p one of the server's. end takes it away again.
func (s *Server) admit(p *Publisher) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return refuse(Busy, "The server is shutting down.")
	case len(s.publishers) >= s.limits.Publishers:
		s.refused.Add(1)
		return refuse(Busy, "The server has as many publishers as it may have.")
	}
	s.publishers[p] = struct{}{}
	s.closing.Add(1)
	s.closing.Go(p.watch)
	return nil
}

// open negotiates.
func (p *Publisher) open(ctx context.Context) (err error) {
	pc := p.pc
	pc.OnTrack(p.track)
	pc.OnICEConnectionStateChange(func(state webrtc.ICEConnectionState) {
		if state == webrtc.ICEConnectionStateConnected {
			p.once.checked.Do(func() { close(p.checked) })
		}
	})
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateFailed || state == webrtc.PeerConnectionStateClosed {
			p.End(ErrGone)
		}
	})
	p.signalling.Lock()
	defer p.signalling.Unlock()
	if p.answer, err = p.negotiate(ctx, p.theirs); err != nil {
		return err
	}
	for _, m := range p.offer.Media {
		if len(p.answer.codecs[m.Kind]) == 0 {
			return refuse(Unsupported, "None of the formats of %s that are offered is taken.", m.Kind)
		}
	}
	return nil
}

// negotiate answers the offer with the publisher's credentials of the day.
func (p *Publisher) negotiate(ctx context.Context, theirs credentials) (*answer, error) {
	offer, err := p.offer.forPion(theirs)
	if err != nil {
		return nil, fmt.Errorf("write the offer: %w", err)
	}
	if err := p.pc.SetRemoteDescription(offer); err != nil {
		return nil, refuse(Malformed, "The offer cannot be used: %v.", err)
	}
	local, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return nil, refuse(Unsupported, "The offer cannot be answered: %v.", err)
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(local); err != nil {
		return nil, refuse(Unsupported, "The offer cannot be answered: %v.", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return readAnswer(p.pc.LocalDescription().SDP, p.server.Candidates(p.remote))
}

// watch ends the publisher unless it connects and sends in time.
func (p *Publisher) watch() {
	limit := time.NewTimer(p.server.limits.Connect)
	defer limit.Stop()
	select {
	case <-p.checked:
	case <-limit.C:
		p.End(ErrUnreachable)
		return
	case <-p.done:
		return
	}
	limit.Reset(p.server.limits.Begin)
	select {
	case <-p.live:
		p.leave()
	case <-limit.C:
		p.End(ErrSilent)
	case <-p.done:
	}
}

// Media is what the publisher has offered and will send.
func (p *Publisher) Media() []Medium { return p.offer.Media }

// Remote is the address that its signalling came from.
func (p *Publisher) Remote() netip.Addr { return p.remote }

// Answer is the SDP answer, with all candidates.
func (p *Publisher) Answer() (string, error) {
	p.signalling.Lock()
	defer p.signalling.Unlock()
	return p.answer.text()
}

// ICE names the ICE session, which a restart replaces: a short text of letters and
// digits.
func (p *Publisher) ICE() string {
	p.signalling.Lock()
	defer p.signalling.Unlock()
	return p.answer.credentials.ufrag
}

// Live closes when the first RTP packet has come.
func (p *Publisher) Live() <-chan struct{} { return p.live }

// Done closes when the publisher has ended; Why says for what reason then.
func (p *Publisher) Done() <-chan struct{} { return p.done }

// Why is the reason for the end; nil before.
func (p *Publisher) Why() error {
	select {
	case <-p.done:
		return p.why
	default:
		return nil
	}
}

// Trickle takes candidates that the publisher has found (RFC 8838). They are of no
// use to ICE-lite; what matters is whether they belong to this ICE session.
func (p *Publisher) Trickle(f *Fragment) error {
	p.signalling.Lock()
	defer p.signalling.Unlock()
	if f.credentials != (credentials{}) && f.credentials != p.theirs {
		return refuse(Malformed, "The fragment belongs to another ICE session. To restart ICE send If-Match: *.")
	}
	return nil
}

// Restart restarts ICE (RFC 8445 section 9) with the fragment's credentials and
// returns the fragment that answers it. Media goes on meanwhile. A fragment with the
// credentials in force restarts nothing, and the answer is empty then. After a
// *[Refusal] everything is as before.
func (p *Publisher) Restart(ctx context.Context, f *Fragment) (string, error) {
	p.signalling.Lock()
	defer p.signalling.Unlock()
	switch f.credentials {
	case credentials{}:
		return "", refuse(Malformed, "An ICE restart needs a=ice-ufrag and a=ice-pwd.")
	case p.theirs:
		return "", nil
	}
	a, err := p.negotiate(ctx, f.credentials)
	if err != nil {
		return "", err
	}
	p.answer, p.theirs = a, f.credentials
	return a.fragment(), nil
}

// Close ends the publisher, for the given reason, and returns when everything of it
// is gone. It may be called several times.
func (p *Publisher) Close(why error) {
	p.End(why)
	p.reading.Wait()
}

// End begins the end of the publisher, and returns at once.
func (p *Publisher) End(why error) {
	p.once.end.Do(func() {
		p.why = why
		close(p.done)
		p.mu.Lock()
		p.ended = true
		p.reading.Add(1)
		p.mu.Unlock()
		// Not here: the caller may be one of the PeerConnection's callbacks.
		go func() {
			defer p.reading.Done()
			p.leave()
			_ = p.pc.GracefulClose() // there is nobody left to tell
			s := p.server
			s.mu.Lock()
			delete(s.publishers, p)
			s.mu.Unlock()
			s.closing.Done()
		}()
	})
}

// errNoLayer says that a track has come that was not offered.
var errNoLayer = errors.New("a track that was not offered")

// place says which medium and layer of the offer a track is.
func (p *Publisher) place(t *webrtc.TrackRemote) (media.Kind, int8, error) {
	kind := media.KindAudio
	if t.Kind() == webrtc.RTPCodecTypeVideo {
		kind = media.KindVideo
	}
	for _, m := range p.offer.Media {
		if m.Kind != kind {
			continue
		}
		if len(m.Layers) == 0 {
			return kind, 0, nil
		}
		for i, rid := range m.Layers {
			if rid == t.RID() {
				return kind, int8(i), nil
			}
		}
	}
	return 0, 0, errNoLayer
}
