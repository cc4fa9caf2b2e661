package egress

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"weir/pipeline/media"
)

const serverAddr = "192.0.2.1:8189"

// house is an engine on a network without delay.
type house struct {
	t      *testing.T
	engine *Engine
	socket *Socket
	hub    *hub
	port   *port
	sender *Sender
	film   *film
}

func newHouse(t *testing.T, limits Limits) *house {
	t.Helper()
	e, err := New(Config{Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, engine: e, hub: newHub(), film: newFilm(), sender: e.NewSender()}
	h.port = h.hub.port(serverAddr)
	h.socket = e.Attach(h.port)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = e.Run(ctx) })
	running.Go(func() {
		b := make([]byte, 2048)
		for {
			n, from, err := h.port.ReadFrom(b)
			if err != nil {
				return
			}
			h.socket.Handle(b[:n], from.(*net.UDPAddr).AddrPort())
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = h.port.Close()
		running.Wait()
	})
	return h
}

func certificate(t testing.TB) (tls.Certificate, string) {
	t.Helper()
	c, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return c, "sha-256 " + colonHex(sha256.Sum256(c.Certificate[0]))
}

func (h *house) video() StreamParams {
	return StreamParams{
		SSRC: 1000, PayloadType: 96, RTXSSRC: 1001, RTXPayloadType: 97, Rate: media.VideoRate, History: h.film,
		Extensions: Extensions{TransportCC: 5, AbsCaptureTime: 6, PlayoutDelay: 7, MaxDelay: 200 * time.Millisecond},
	}
}

func (h *house) open(print string, streams ...StreamParams) *Session {
	h.t.Helper()
	s, err := h.sender.Open(SessionParams{
		RemoteUfrag: viewerUfrag, Fingerprints: []string{print}, CNAME: "weir", Epoch: time.Now(), Streams: streams,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// join connects a viewer at addr.
func (h *house) join(addr string, profile dtls.SRTPProtectionProfile, streams ...StreamParams) *viewer {
	h.t.Helper()
	cert, print := certificate(h.t)
	v := newViewer(h.t, h.hub.port(addr), netip.MustParseAddrPort(serverAddr), h.open(print, streams...))
	if err := v.connect(cert, profile); err != nil {
		h.t.Fatal(err)
	}
	synctest.Wait()
	h.expect(Connected)
	return v
}

// expect polls and wants these events, in order.
func (h *house) expect(kinds ...EventKind) []Event {
	h.t.Helper()
	events := h.sender.Poll()
	ok := len(events) == len(kinds)
	for i := range events {
		ok = ok && events[i].Kind == kinds[i]
	}
	if !ok {
		h.t.Fatalf("events %+v, want %v", events, kinds)
	}
	return events
}

func (h *house) send(units []*media.Unit, to ...*Stream) {
	h.sender.Send(units, to)
	h.sender.Flush()
	synctest.Wait()
}

func TestMedia(t *testing.T) {
	for _, profile := range profiles() {
		t.Run(profileName(profile), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, Limits{})
				v := h.join("198.51.100.1:4000", profile, h.video())
				st := v.session.Stream(0)
				frame := h.film.frame(0, 65534, 9000, 1100, 1100, 1100, 300)
				frame[3].Capture = time.Date(2030, 1, 2, 3, 4, 5, 500_000_000, time.UTC)
				h.send(frame, st)
				h.send(h.film.frame(0, 2, 12000, 20), st)
				got := v.packets()
				if len(got) != 5 {
					t.Fatalf("%d packets", len(got))
				}
				for i, p := range got {
					want := uint16(st.index) - 4 + uint16(i)
					if p.SequenceNumber != want || p.SSRC != 1000 || p.PayloadType != 96 || p.Marker != (i >= 3) {
						t.Errorf("packet %d: %v", i, p)
					}
					var cc rtp.TransportCCExtension
					if err := cc.Unmarshal(p.GetExtension(5)); err != nil || cc.TransportSequence != uint16(i) {
						t.Errorf("packet %d: transport sequence %d, %v", i, cc.TransportSequence, err)
					}
					var delay rtp.PlayoutDelayExtension
					if err := delay.Unmarshal(p.GetExtension(7)); err != nil || delay.MaxDelay != 20 || delay.MinDelay != 0 {
						t.Errorf("packet %d: playout delay %+v, %v", i, delay, err)
					}
				}
				if string(got[1].Payload) != string(frame[1].RTP.Payload) {
					t.Error("another payload")
				}
				if d := got[4].Timestamp - got[0].Timestamp; d != 3000 || got[3].Timestamp != got[0].Timestamp {
					t.Errorf("timestamps %d apart", d)
				}
				var capture rtp.AbsCaptureTimeExtension
				if err := capture.Unmarshal(got[3].GetExtension(6)); err != nil || !capture.CaptureTime().Equal(frame[3].Capture) {
					t.Errorf("capture %v, %v", capture.CaptureTime(), err)
				}
				stats := v.session.Stats()
				if stats.Packets != 5 || stats.Profile != profileName(profile) || stats.State != Live || stats.Remote.String() != "198.51.100.1:4000" {
					t.Errorf("%+v", stats)
				}
				load := h.engine.Load()
				if n := load.Joins.Counts; load.Sessions != 1 || n[0]+n[1]+n[2]+n[3] != 1 {
					t.Errorf("%+v", load)
				}
			})
		})
	}
}

// The viewer's counter rolls over like ours.
func TestRollover(t *testing.T) {
	for _, profile := range profiles() {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, Limits{})
			v := h.join("198.51.100.1:4000", profile, h.video())
			st := v.session.Stream(0)
			seq, n := uint16(0), 0
			for range 70 {
				for range 1000 {
					h.sender.Send(h.film.frame(0, seq, 0, 1), []*Stream{st})
					seq++
				}
				h.sender.Flush()
				synctest.Wait()
				n += len(v.packets())
			}
			if n != 70_000 || st.index>>16 != 1 {
				t.Errorf("%d packets, index %d", n, st.index)
			}
		})
	}
}

func TestRetransmit(t *testing.T) {
	for name, rtx := range map[string]bool{"rtx": true, "plain": false} {
		for _, profile := range profiles() {
			t.Run(name+"/"+profileName(profile), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := newHouse(t, Limits{})
					params := h.video()
					if !rtx {
						params.RTXPayloadType = 0
					}
					v := h.join("198.51.100.1:4000", profile, params)
					st := v.session.Stream(0)
					h.send(h.film.frame(0, 100, 0, 1000, 1000, 500), st)
					h.send(h.film.frame(1, 7, 3000, 800, 900), st) // another layer
					sent := v.packets()
					lost := []rtcp.NackPair{{PacketID: sent[1].SequenceNumber, LostPackets: 1 << 1}}
					v.feed(&rtcp.TransportLayerNack{MediaSSRC: 1000, Nacks: lost})
					synctest.Wait()
					h.expect()
					synctest.Wait()
					got := v.packets()
					if len(got) != 2 {
						t.Fatalf("%d packets again", len(got))
					}
					for i, p := range got {
						was := sent[1+2*i]
						if rtx {
							osn := uint16(p.Payload[0])<<8 | uint16(p.Payload[1])
							if p.SSRC != 1001 || p.PayloadType != 97 || osn != was.SequenceNumber || p.Timestamp != was.Timestamp || p.Marker != was.Marker ||
								string(p.Payload[2:]) != string(was.Payload) {
								t.Errorf("%v for %v", p, was)
							}
						} else if p.String() != was.String() || string(p.Payload) != string(was.Payload) || string(p.GetExtension(5)) != string(was.GetExtension(5)) {
							t.Errorf("%v, %v", p, was)
						}
					}
					// Asked again at once: on its way already.
					v.feed(&rtcp.TransportLayerNack{MediaSSRC: 1000, Nacks: lost})
					synctest.Wait()
					h.expect()
					synctest.Wait()
					if n := len(v.packets()); n != 0 {
						t.Errorf("%d packets a third time", n)
					}
					if st := v.session.Stats(); st.Nacked != 4 || st.Retransmitted != 2 {
						t.Errorf("%+v", st)
					}
				})
			})
		}
	}
}

func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
		st := v.session.Stream(0)
		if n := h.sender.Probe(st, 1000); n != 0 {
			t.Errorf("%d bytes of nothing", n)
		}
		h.send(h.film.frame(0, 0, 0, 1000, 1000, 1000, 1000), st)
		newest := v.packets()[3].SequenceNumber
		n := h.sender.Probe(st, 6000)
		h.sender.Flush()
		synctest.Wait()
		got := v.packets()
		if n < 6000 || n > 7100 || len(got) != 6 {
			t.Errorf("%d bytes, %d packets", n, len(got))
		}
		for i, p := range got {
			if osn := binary.BigEndian.Uint16(p.Payload); p.SSRC != 1001 || osn != newest-uint16(i%4) {
				t.Errorf("packet %d is %d again", i, osn)
			}
		}
		if st := v.session.Stats(); st.Retransmitted != 0 || st.Packets != 10 {
			t.Errorf("%+v", st)
		}
	})
}

func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{RetransmitRate: 20_000})
		v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
		st := v.session.Stream(0)
		sizes := make([]int, 40)
		for i := range sizes {
			sizes[i] = 1000 - maxHeader
		}
		h.send(h.film.frame(0, 0, 0, sizes...), st)
		first := v.packets()[0].SequenceNumber
		storm := func() int {
			var pairs []rtcp.NackPair
			for i := range uint16(3) {
				pairs = append(pairs, rtcp.NackPair{PacketID: first + 13*i, LostPackets: 0xfff})
			}
			v.feed(&rtcp.TransportLayerNack{MediaSSRC: 1000, Nacks: pairs})
			synctest.Wait()
			h.expect()
			synctest.Wait()
			return len(v.packets())
		}
		if n := storm(); n != 10 { // half a second's worth
			t.Errorf("%d packets at once", n)
		}
		time.Sleep(250 * time.Millisecond)
		if n := storm(); n != 5 {
			t.Errorf("%d packets after a quarter of a second", n)
		}
		if st := v.session.Stats(); st.OverBudget == 0 {
			t.Errorf("%+v", st)
		}
	})
}

// Requests come each 100 ms, whatever the round trip is: each is answered, and the
// first one twice where that is wanted.
func TestRepeatedRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
		st := v.session.Stream(0)
		st.SetCopies(2)
		v.session.rtt = 300 * time.Millisecond
		h.send(h.film.frame(0, 0, 0, 1000), st)
		lost := v.packets()[0].SequenceNumber
		for i, want := range []int{2, 1, 1, 1, 0} {
			v.feed(&rtcp.TransportLayerNack{MediaSSRC: 1000, Nacks: []rtcp.NackPair{{PacketID: lost}}})
			synctest.Wait()
			h.expect()
			synctest.Wait()
			if n := len(v.packets()); n != want {
				t.Errorf("request %d: %d packets, not %d", i, n, want)
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

// Sound is sent again as it was, one packet later, and is a replay to who has it.
func TestEcho(t *testing.T) {
	for _, profile := range profiles() {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, Limits{})
			params := h.video()
			params.RTXPayloadType = 0
			v := h.join("198.51.100.1:4000", profile, params)
			st := v.session.Stream(0)
			var came [][]byte
			for seq := range uint16(3) {
				h.send(h.film.frame(0, seq, media.Ticks(seq)*960, 100), st)
				h.sender.Echo(st, 1)
				h.sender.Flush()
				synctest.Wait()
				for len(v.srtp) > 0 {
					came = append(came, <-v.srtp)
				}
			}
			if len(came) != 5 || !bytes.Equal(came[0], came[2]) || !bytes.Equal(came[1], came[4]) {
				t.Errorf("%d packets: %x", len(came), came)
			}
		})
	}
}

// A packet is not sealed twice under one index with another header (RFC 5116 section
// 5.1.1), as what players are told to hold back would make it.
func TestChangedHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		params := h.video()
		params.RTXPayloadType = 0
		v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, params)
		st := v.session.Stream(0)
		h.send(h.film.frame(0, 0, 0, 100), st)
		st.SetDelay(300*time.Millisecond, time.Second)
		h.send(h.film.frame(0, 1, 3000, 100), st)
		var lost []rtcp.NackPair
		sent := v.packets()
		for _, p := range sent {
			lost = append(lost, rtcp.NackPair{PacketID: p.SequenceNumber})
		}
		v.feed(&rtcp.TransportLayerNack{MediaSSRC: 1000, Nacks: lost})
		synctest.Wait()
		h.expect()
		synctest.Wait()
		if got := v.packets(); len(got) != 1 || got[0].SequenceNumber != sent[1].SequenceNumber {
			t.Errorf("again: %v", got)
		}
	})
}
