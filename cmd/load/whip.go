package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/cmd/load/peer"
	"weir/pipeline/bitstream/rtp"
	"weir/pipeline/media"
)

// Studios is a number of publishers that send the stream, with Opus, by WHIP.
type Studios struct {
	// URL is the WHIP endpoint, with "*" for the publisher's number.
	URL string
	// Key is the bearer token, if one is needed.
	Key string
	// Count is how many there are.
	Count int
}

// Run publishes until ctx ends, and calls live when all publishers are connected.
// Their clocks are spread over a group of pictures. The first to fail ends it. What the
// server asks for (key frames, retransmissions) is not done.
func (p Studios) Run(ctx context.Context, live func()) (Published, error) {
	film, err := newFilm()
	if err != nil {
		return Published{}, err
	}
	d, err := peer.NewDialer()
	if err != nil {
		return Published{}, err //nolint:wrapcheck // it says what
	}
	d.Bearer = p.Key
	defer d.Close()
	var tally tally
	var connected atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	room := make(chan struct{}, joinsAtOnce)
	for n := range p.Count {
		group.Go(func() error {
			room <- struct{}{}
			s, err := d.Dial(ctx, numbered(p.URL, n), peer.Send)
			begin := time.Now().Add(time.Duration(groupSize) * time.Second / frameRate * time.Duration(n) / time.Duration(p.Count))
			time.AfterFunc(time.Until(begin), func() { <-room }) // to the server, who has sent nothing is about to connect
			if err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err //nolint:wrapcheck // it says what
			}
			defer s.Leave(context.WithoutCancel(ctx))
			defer context.AfterFunc(ctx, func() { _ = s.Conn.SetDeadline(time.Unix(1, 0)) })()
			if connected.Add(1) == int64(p.Count) {
				live()
			}
			go drain(s)
			c := &camera{session: s, film: film, tally: &tally}
			err = c.shoot(ctx, begin)
			if ctx.Err() != nil {
				return nil
			}
			return err
		})
	}
	err = group.Wait()
	return Published{Messages: tally.messages.Load(), Late: time.Duration(tally.late.Load())}, err
}

// drain reads what nobody wants to know, until the socket is closed.
func drain(s *peer.Session) {
	b := make([]byte, 1500)
	for {
		if _, err := s.Conn.Read(b); err != nil {
			return
		}
	}
}

// film is the stream as RTP packets, a turn of it, in order of their times.
type film struct{ frames []rtpFrame }

// rtpFrame is what is sent at a time.
type rtpFrame struct {
	due      time.Duration
	kind     media.Kind
	payloads [][]byte
	stamped  int // the payload with room for the time
	stamp    int // where in it; 0 is nowhere
}

// mtu is the most payload of a packet, in bytes.
const mtu = 1180

func newFilm() (*film, error) {
	video, err := track(media.CodecH264, videoConfig, "video")
	if err != nil {
		return nil, err
	}
	packetizer, err := rtp.NewPacketizer(video, 0, mtu)
	if err != nil {
		return nil, fmt.Errorf("packetise: %w", err)
	}
	f := &film{}
	noise := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // it is noise
	for n := range videoPerTurn {
		u := &media.Unit{Track: video, Access: [][]byte{nal(noise, 0x41, interBytes)}}
		if n%groupSize == 0 {
			u.Access, u.Flags = [][]byte{nal(noise, 0x65, keyBytes)}, media.Key
		}
		frame := rtpFrame{due: turn * time.Duration(n) / time.Duration(videoPerTurn), kind: media.KindVideo}
		for i, p := range packetizer.Packetize(nil, u) {
			frame.payloads = append(frame.payloads, p.RTP.Payload)
			if at := stampIn(p.RTP.Payload); at > 0 {
				frame.stamped, frame.stamp = i, at
			}
		}
		f.frames = append(f.frames, frame)
	}
	voice := opusSound()
	for n := range voice.perTurn() {
		f.frames = append(f.frames, rtpFrame{
			due: turn * time.Duration(n) / time.Duration(voice.perTurn()), kind: media.KindAudio,
			payloads: [][]byte{voice.block(nil, noise)},
		})
	}
	slices.SortStableFunc(f.frames, func(a, b rtpFrame) int { return int(a.due - b.due) })
	return f, nil
}

// camera is one publisher.
type camera struct {
	session      *peer.Session
	film         *film
	tally        *tally
	video, audio mouth
	consent      time.Time
	sealed       []byte
	stamped      []byte
}

// mouth is a stream on its way out.
type mouth struct {
	sequence        uint16
	packets, octets uint32
	reported        time.Time
	plain           []byte
}

// shoot sends the stream, its first frame at start.
func (c *camera) shoot(ctx context.Context, start time.Time) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for first := start; ; start = start.Add(turn) {
		for i := range c.film.frames {
			f := &c.film.frames[i]
			due := start.Add(f.due)
			timer.Reset(time.Until(due))
			select {
			case <-timer.C:
			case <-ctx.Done():
				return nil
			}
			if err := c.frame(f, due.Sub(first)); err != nil {
				return fmt.Errorf("publish: %w", err)
			}
			c.tally.sent(time.Since(due))
		}
	}
}

// frame sends a frame whose time in the stream is at.
func (c *camera) frame(f *rtpFrame, at time.Duration) error {
	now := time.Now()
	if now.Sub(c.consent) > consentEvery {
		c.consent = now
		if err := c.session.Consent(); err != nil {
			return err //nolint:wrapcheck // shoot does
		}
	}
	m, ssrc, kind, rate := &c.video, c.session.VideoSSRC, byte(peer.VideoType), time.Duration(media.VideoRate)
	if f.kind == media.KindAudio {
		m, ssrc, kind, rate = &c.audio, c.session.AudioSSRC, peer.AudioType, audioRate
	}
	timestamp := uint32(at * rate / time.Second)
	for i, payload := range f.payloads {
		if f.stamp > 0 && i == f.stamped {
			c.stamped = append(c.stamped[:0], payload...)
			putStamp(c.stamped[f.stamp:], now)
			payload = c.stamped
		}
		head := kind
		if i == len(f.payloads)-1 && f.kind == media.KindVideo {
			head |= 0x80
		}
		if err := c.send(m, head, timestamp, ssrc, payload); err != nil {
			return err
		}
	}
	if now.Sub(m.reported) < reportEvery {
		return nil
	}
	m.reported = now
	return c.report(m, now, timestamp, ssrc)
}

func (c *camera) send(m *mouth, head byte, timestamp, ssrc uint32, payload []byte) error {
	b := append(m.plain[:0], 0x80, head)
	b = binary.BigEndian.AppendUint16(b, m.sequence)
	b = binary.BigEndian.AppendUint32(b, timestamp)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = append(b, payload...)
	m.sequence, m.plain = m.sequence+1, b
	m.packets, m.octets = m.packets+1, m.octets+uint32(len(payload))
	sealed, err := c.session.Out.EncryptRTP(c.sealed[:0], b, nil)
	if err != nil {
		return err //nolint:wrapcheck // shoot does
	}
	c.sealed = sealed
	_, err = c.session.Conn.Write(sealed)
	return err //nolint:wrapcheck // shoot does
}

// report is a sender report (RFC 3550 section 6.4.1).
func (c *camera) report(m *mouth, now time.Time, timestamp, ssrc uint32) error {
	const sinceNTP = 2208988800 // seconds from 1900 to 1970
	b := append(m.plain[:0], 0x80, 200, 0, 6)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = binary.BigEndian.AppendUint32(b, uint32(now.Unix()+sinceNTP))
	b = binary.BigEndian.AppendUint32(b, uint32(uint64(now.Nanosecond())<<32/uint64(time.Second)))
	b = binary.BigEndian.AppendUint32(b, timestamp)
	b = binary.BigEndian.AppendUint32(b, m.packets)
	b = binary.BigEndian.AppendUint32(b, m.octets)
	m.plain = b
	sealed, err := c.session.Out.EncryptRTCP(c.sealed[:0], b, nil)
	if err != nil {
		return err //nolint:wrapcheck // shoot does
	}
	c.sealed = sealed
	_, err = c.session.Conn.Write(sealed)
	return err //nolint:wrapcheck // shoot does
}
