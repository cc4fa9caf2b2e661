package load

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/net/ipv4"

	"weir/cmd/load/peer"
)

const (
	// batch is how many packets a viewer reads at a time.
	batch = 16
	// freeze is the time without a picture that viewers notice.
	freeze = 500 * time.Millisecond
	// catchUp is how long a viewer may be sent what was held for it, whose delay says
	// nothing.
	catchUp = 2 * time.Second
	// silence is how long a viewer waits for anything at all.
	silence = 10 * time.Second

	// What browsers do: transport-wide feedback, reports, consent.
	feedbackEvery = 100 * time.Millisecond
	reportEvery   = time.Second
	consentEvery  = 2500 * time.Millisecond
)

// viewer is one that watches. It belongs to one goroutine.
type viewer struct {
	session  *peer.Session
	audience *Audience
	all      bool // it decrypts everything
	began    time.Time
	answered time.Time

	video, audio source
	arrivals     peer.Arrivals
	feedbackDue  time.Time
	reportDue    time.Time
	consentDue   time.Time
	plain, rtcp  []byte // scratch

	picture picture
}

// picture is what is known of the pictures.
type picture struct {
	seen bool      // a key picture was complete
	key  bool      // the one that is coming is one
	sent time.Time // when it was sent, if that is known
	last time.Time // when the last one was complete
}

// source counts what comes of one SSRC.
type source struct {
	ssrc           uint32
	first, highest uint32 // extended sequence numbers
	received       int64
	told           int64 // of what was lost, what the audience knows
}

// took notes a packet.
func (s *source) took(ssrc uint32, sequence uint16) {
	if s.received == 0 {
		s.ssrc, s.first = ssrc, 1<<16|uint32(sequence)
		s.highest = s.first
	}
	if ahead := int16(sequence - uint16(s.highest)); ahead > 0 {
		s.highest += uint32(ahead)
	}
	s.received++
}

func (s *source) lost() int64 { return max(0, int64(s.highest-s.first)+1-s.received) }

func newViewer(s *peer.Session, a *Audience, all bool) *viewer {
	now := time.Now()
	return &viewer{
		session: s, audience: a, all: all, began: now, answered: now.Add(s.Signalled - s.Connected),
		consentDue: now.Add(consentEvery), reportDue: now,
	}
}

// watch reads until the connection fails or ctx ends.
func (v *viewer) watch(ctx context.Context) error {
	messages := make([]ipv4.Message, batch)
	for i := range messages {
		messages[i].Buffers = [][]byte{make([]byte, 1500)}
	}
	conn := ipv4.NewPacketConn(v.session.Conn)
	heard := time.Now()
	v.picture.last = heard
	v.take(messagesOf(v.session.Early), heard)
	v.session.Early = nil
	if err := v.tend(heard); err != nil { // shows the server that its last flight came
		return err
	}
	var deadline time.Time
	for {
		if now := time.Now(); deadline.Sub(now) < consentEvery/2 && ctx.Err() == nil {
			deadline = now.Add(consentEvery)
			_ = v.session.Conn.SetReadDeadline(deadline)
			if ctx.Err() != nil {
				_ = v.session.Conn.SetReadDeadline(time.Unix(1, 0))
			}
		}
		n, err := conn.ReadBatch(messages, 0)
		now := time.Now()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded) && now.Sub(heard) < silence:
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errSilent
		case err != nil:
			return fmt.Errorf("read: %w", err)
		default:
			heard = now
			v.take(messages[:n], now)
		}
		if err := v.tend(now); err != nil {
			return err
		}
	}
}

func messagesOf(datagrams [][]byte) []ipv4.Message {
	all := make([]ipv4.Message, len(datagrams))
	for i, b := range datagrams {
		all[i] = ipv4.Message{Buffers: [][]byte{b}, N: len(b)}
	}
	return all
}

// take notes what has come. What is neither RTP nor SRTCP is an answer to a check.
func (v *viewer) take(messages []ipv4.Message, now time.Time) {
	bytes, packets := 0, 0
	for i := range messages {
		b := messages[i].Buffers[0][:messages[i].N]
		if len(b) < 12 || b[0]>>6 != 2 || b[1] >= 192 && b[1] < 224 {
			continue
		}
		bytes += len(b)
		packets++
		v.packet(b, now)
	}
	v.audience.Packets.Add(int64(packets))
	v.audience.Bytes.Add(int64(bytes))
}

func (v *viewer) packet(b []byte, now time.Time) {
	if v.session.TransportCC {
		if n, ok := transportSequence(b); ok {
			v.arrivals.Add(n, now.Sub(v.began))
		}
	}
	sequence, ssrc := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[8:])
	switch b[1] & 0x7f {
	case peer.VideoType:
		v.video.took(ssrc, sequence)
		v.look(b, now)
	case peer.AudioType:
		v.audio.took(ssrc, sequence)
		v.decrypt(b)
	default:
		v.audience.Repeats.Add(1)
	}
}

// decrypt is the payload, or nil if this viewer is not to look into it.
func (v *viewer) decrypt(b []byte) []byte {
	if !v.all && v.picture.seen {
		return nil
	}
	plain, err := v.session.In.DecryptRTP(v.plain[:0], b, nil)
	if err != nil {
		v.audience.Forged.Add(1)
		return nil
	}
	v.plain = plain
	return plain[headerSize(plain):]
}

// headerSize is the size of an RTP header (RFC 3550 section 5.1), which SRTP leaves
// legible.
func headerSize(b []byte) int {
	n := 12 + 4*int(b[0]&0xf)
	if b[0]&0x10 != 0 && len(b) >= n+4 {
		n += 4 + 4*int(binary.BigEndian.Uint16(b[n+2:]))
	}
	return min(n, len(b))
}

// transportSequence is the value of the header extension (RFC 8285).
func transportSequence(b []byte) (uint16, bool) {
	n := 12 + 4*int(b[0]&0xf)
	if b[0]&0x10 == 0 || len(b) < n+4 || binary.BigEndian.Uint16(b[n:]) != 0xbede {
		return 0, false
	}
	for x := b[n+4 : headerSize(b)]; len(x) > 2; {
		id, size := x[0]>>4, int(x[0]&0xf)+1
		switch {
		case x[0] == 0:
			x = x[1:]
		case id == peer.TransportCC:
			return binary.BigEndian.Uint16(x[1:]), true
		default:
			x = x[min(1+size, len(x)):]
		}
	}
	return 0, false
}

// look follows the pictures.
func (v *viewer) look(b []byte, now time.Time) {
	p := &v.picture
	if payload := v.decrypt(b); len(payload) > 1 {
		if sent, ok := stampOf(payload); ok {
			p.sent = sent
		}
		p.key = p.key || isKey(payload)
	}
	if b[1]&0x80 == 0 {
		return
	}
	v.audience.Pictures.Add(1)
	if !p.seen && p.key {
		p.seen = true
		v.audience.Picture.Add(now.Sub(v.answered))
	} else if p.seen && !p.sent.IsZero() && now.Sub(v.began) > catchUp {
		v.audience.Delay.Add(now.Sub(p.sent))
	}
	if p.seen && now.Sub(p.last) > freeze && now.Sub(v.began) > time.Second {
		v.audience.Freezes.Add(1)
	}
	p.last, p.sent, p.key = now, time.Time{}, false
}

// isKey says whether a payload holds an IDR slice or a fragment of one (RFC 6184).
func isKey(b []byte) bool {
	const fragment, idr = 28, 5
	kind := b[0] & 0x1f
	return kind == idr || kind == fragment && b[1]&0x1f == idr
}

// tend does what is due on the way back.
func (v *viewer) tend(now time.Time) error {
	const own = 1 // our SSRC
	if !now.Before(v.feedbackDue) {
		v.feedbackDue = now.Add(feedbackEvery)
		if b := v.arrivals.Feedback(own, v.video.ssrc); b != nil {
			if err := v.send(b); err != nil {
				return err
			}
		}
	}
	if !now.Before(v.reportDue) {
		v.reportDue = now.Add(reportEvery)
		v.account()
		v.plain = peer.Report(v.plain, own, v.video.ssrc, int(v.video.lost()), v.video.highest)
		if err := v.send(v.plain); err != nil {
			return err
		}
	}
	if !now.Before(v.consentDue) {
		v.consentDue = now.Add(consentEvery)
		if err := v.session.Consent(); err != nil {
			return fmt.Errorf("consent: %w", err)
		}
	}
	return nil
}

// account tells the audience what was lost.
func (v *viewer) account() {
	for _, s := range []*source{&v.video, &v.audio} {
		if s.received > 0 {
			lost := s.lost()
			v.audience.Lost.Add(lost - s.told)
			s.told = lost
		}
	}
}

func (v *viewer) send(plain []byte) error {
	sealed, err := v.session.Out.EncryptRTCP(v.rtcp[:0], plain, nil)
	if err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	v.rtcp = sealed
	if _, err := v.session.Conn.Write(sealed); err != nil {
		return fmt.Errorf("feedback: %w", err)
	}
	return nil
}
