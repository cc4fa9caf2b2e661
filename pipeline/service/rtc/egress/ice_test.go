package egress

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtcp"
	"github.com/pion/stun/v4"
)

func TestCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		_, print := certificate(t)
		v := newViewer(t, h.hub.port("198.51.100.1:4000"), netip.MustParseAddrPort(serverAddr), h.open(print, h.video()))
		m := v.check()
		var mapped stun.XORMappedAddress
		if err := mapped.GetFrom(m); err != nil || mapped.String() != "198.51.100.1:4000" || m.Type != stun.BindingSuccess {
			t.Errorf("%v: %v, %v", m, mapped, err)
		}
		if err := m.Check(stun.Fingerprint, stun.NewShortTermIntegrity(v.creds.Password)); err != nil {
			t.Error(err)
		}
		if got := v.session.State(); got != Checked {
			t.Errorf("state %v", got)
		}
		for _, c := range []struct {
			more stun.Setter
			code stun.ErrorCode
		}{
			{attribute{Type: stun.AttrICEControlled, Value: make([]byte, 8)}, stun.CodeRoleConflict},
			{attribute{Type: 0x7777, Value: make([]byte, 4)}, stun.CodeUnknownAttribute},
		} {
			var code stun.ErrorCodeAttribute
			if err := code.GetFrom(v.check(c.more)); err != nil || code.Code != c.code {
				t.Errorf("%v, %v, want %v", code, err, c.code)
			}
		}
	})
}

// Who does not know the password gets nothing, and changes nothing.
func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		_, print := certificate(t)
		s := h.open(print, h.video())
		c := s.Credentials()
		stranger := netip.MustParseAddrPort("203.0.113.9:99")
		answers := 0
		h.hub.port(stranger.String())
		h.hub.lose = func(from, _ netip.AddrPort, _ []byte) bool {
			if from.String() == serverAddr {
				answers++
			}
			return false
		}
		good := request(t, c.Ufrag+":"+viewerUfrag, c.Password)
		flipped := append([]byte(nil), good...)
		flipped[len(flipped)-1] ^= 1
		bare, _ := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(c.Ufrag+":"+viewerUfrag), stun.Fingerprint)
		hello := []byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 1}
		for name, d := range map[string]struct {
			data []byte
			ours bool
		}{
			"wrong password":     {request(t, c.Ufrag+":"+viewerUfrag, "wrong"), true},
			"wrong remote ufrag": {request(t, c.Ufrag+":else", c.Password), true},
			"no integrity":       {bare.Raw, true},
			"bad fingerprint":    {flipped, true},
			"unknown ufrag":      {request(t, "nobody:"+viewerUfrag, c.Password), false},
			"DTLS":               {append(hello, make([]byte, 20)...), false},
			"SRTCP":              {make80(64), false},
			"nothing":            {nil, false},
		} {
			if got := h.socket.Handle(d.data, stranger); got != d.ours {
				t.Errorf("%s: ours %v", name, got)
			}
		}
		synctest.Wait()
		if answers != 0 || s.State() != Opened || len(h.socket.peers) != 0 {
			t.Errorf("%d answers, state %v, peers %v", answers, s.State(), h.socket.peers)
		}
		if !h.engine.Owns(c.Ufrag) || h.engine.Owns("nobody") || Ufrag(good) != c.Ufrag {
			t.Error("whose ufrag is whose?")
		}
	})
}

func make80(n int) []byte {
	b := make([]byte, n)
	b[0], b[1] = 0x80, 201
	return b
}

// Floods of anything cost neither memory nor goroutines.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{Handshakes: 3, HandshakesPerAddress: 2})
		v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
		from := netip.MustParseAddrPort("198.51.100.1:4000")
		random := rand.New(rand.NewPCG(1, 2))
		for i := range 20_000 {
			d := make([]byte, random.IntN(200))
			for j := range d {
				d[j] = byte(random.Uint32())
			}
			if len(d) > 1 {
				d[0] = []byte{0, 22, 128, 21, 255}[i%5]
			}
			h.socket.Handle(d, from)
			h.socket.Handle(d, netip.AddrPortFrom(from.Addr(), uint16(i)))
		}
		if n := len(h.socket.peers); n != 1 {
			t.Errorf("%d peers", n)
		}
		h.expect()
		h.send(h.film.frame(0, 1, 0, 100), v.session.Stream(0))
		if n := len(v.packets()); n != 1 {
			t.Errorf("%d packets after the flood", n)
		}
	})
}

func TestConsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
		for range 20 {
			time.Sleep(5 * time.Second)
			v.check()
		}
		h.expect()
		time.Sleep(29 * time.Second)
		h.expect()
		time.Sleep(1500 * time.Millisecond)
		before := len(v.dtls.port.in)
		if ev := h.expect(Closed); ev[0].Reason != NoConsent {
			t.Errorf("%v", ev[0].Reason)
		}
		if len(v.dtls.port.in) != before {
			t.Error("sent without consent")
		}
		h.send(h.film.frame(0, 1, 0, 100), v.session.Stream(0))
		if n := len(v.srtp); n != 0 {
			t.Errorf("%d packets without consent", n)
		}
		if live, half := h.engine.Sessions(); live+half != 0 || len(h.socket.peers) != 0 || h.engine.Owns(v.creds.Ufrag) {
			t.Errorf("%d live, %d half-open, peers %v", live, half, h.socket.peers)
		}
	})
}

func TestNoConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{Connect: 5 * time.Second})
		_, print := certificate(t)
		h.open(print, h.video())
		v := newViewer(t, h.hub.port("198.51.100.1:4000"), netip.MustParseAddrPort(serverAddr), h.open(print, h.video()))
		v.check(nominate())
		v.send([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0})
		synctest.Wait()
		r := &h.engine.registry
		r.mu.Lock()
		if r.handshakes != 1 {
			t.Errorf("%d handshakes", r.handshakes)
		}
		r.mu.Unlock()
		time.Sleep(6 * time.Second)
		synctest.Wait()
		for _, ev := range h.expect(Closed, Closed) {
			if ev.Reason != NoConnect && ev.Reason != BadHandshake {
				t.Errorf("%v", ev.Reason)
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.handshakes != 0 || len(r.shakers) != 0 || len(r.clients) != 0 || r.half != 0 {
			t.Errorf("left: %d handshakes, %v, %v, %d", r.handshakes, r.shakers, r.clients, r.half)
		}
	})
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{HalfOpen: 4, HalfOpenPerClient: 2})
		_, print := certificate(t)
		open := func(from string) error {
			_, err := h.sender.Open(SessionParams{Client: netip.MustParseAddr(from), Fingerprints: []string{print}, Streams: []StreamParams{h.video()}})
			return err
		}
		for i, c := range []struct {
			from string
			want error
		}{
			{"2001:db8::1", nil},
			{"2001:db8::2", nil},
			{"2001:db8::3", ErrBusy},
			{"192.0.2.7", nil},
			{"::ffff:192.0.2.7", nil},
			{"192.0.2.8", ErrBusy},
		} {
			if err := open(c.from); err != c.want { //nolint:errorlint // as documented
				t.Errorf("%d: %v", i, err)
			}
		}
		time.Sleep(21 * time.Second)
		h.expect(Closed, Closed, Closed, Closed)
		if err := open("2001:db8::1"); err != nil {
			t.Error(err)
		}
	})
}

func TestRebind(t *testing.T) {
	for name, c := range map[string]struct {
		after  time.Duration
		follow func(v *viewer)
		moved  bool
	}{
		"nominated":         {0, func(v *viewer) { v.check(nominate()) }, true},
		"checked":           {0, func(v *viewer) { v.check() }, false},
		"checked when late": {staleFor, func(v *viewer) { v.check() }, true},
		"SRTCP": {doubtful, func(v *viewer) {
			v.check()
			v.feed(&rtcp.ReceiverReport{SSRC: 5})
		}, true},
		"SRTCP from nowhere": {staleFor, func(v *viewer) { v.feed(&rtcp.ReceiverReport{SSRC: 5}) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, Limits{})
				v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
				time.Sleep(c.after)
				v.conn.(*port).move("203.0.113.7:1234")
				c.follow(v)
				synctest.Wait()
				h.sender.Poll()
				h.send(h.film.frame(0, 1, 0, 100), v.session.Stream(0))
				if got := len(v.packets()) == 1; got != c.moved {
					t.Errorf("media follows: %v", got)
				}
				if remote := v.session.Stats().Remote.String() == "203.0.113.7:1234"; remote != c.moved {
					t.Errorf("remote %v", v.session.Stats().Remote)
				}
			})
		})
	}
}

func TestPathsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
		for i := range uint16(100) {
			h.socket.Handle(request(t, v.creds.Ufrag+":"+viewerUfrag, v.creds.Password), netip.AddrPortFrom(netip.MustParseAddr("203.0.113.1"), 1000+i))
		}
		if n := len(h.socket.peers); n != maxPaths || v.session.Stats().Remote.String() != "198.51.100.1:4000" {
			t.Errorf("%d peers, remote %v", n, v.session.Stats().Remote)
		}
		v.session.Close()
		if n := len(h.socket.peers); n != 0 {
			t.Errorf("%d peers left", n)
		}
	})
}

func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
		old := v.creds
		fresh, err := v.session.Restart(viewerUfrag)
		if err != nil || fresh == old || h.engine.Owns(old.Ufrag) || !h.engine.Owns(fresh.Ufrag) {
			t.Fatalf("%v %v", fresh, err)
		}
		h.send(h.film.frame(0, 1, 0, 100), v.session.Stream(0))
		v.creds = fresh
		v.conn.(*port).move("203.0.113.7:1234")
		v.check(nominate())
		h.send(h.film.frame(0, 2, 0, 100), v.session.Stream(0))
		if got := v.packets(); len(got) != 2 || got[1].SequenceNumber != got[0].SequenceNumber+1 {
			t.Errorf("%v", got)
		}
	})
}

func FuzzDatagram(f *testing.F) {
	e, err := New(Config{})
	if err != nil {
		f.Fatal(err)
	}
	hub := newHub()
	socket := e.Attach(hub.port(serverAddr))
	_, print := certificate(f)
	s, err := e.NewSender().Open(SessionParams{Fingerprints: []string{print}, Streams: []StreamParams{{Rate: 90000}}})
	if err != nil {
		f.Fatal(err)
	}
	known := netip.MustParseAddrPort("198.51.100.1:4000")
	socket.validated(known, s)
	s.local = Credentials{Ufrag: "here", Password: "secret"}
	e.registry.ufrags["here"] = s
	f.Add(request(f, "here:there", "secret", nominate()))
	f.Add(request(f, "here:there", "wrong"))
	f.Add([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13, 1})
	f.Add(make80(40))
	f.Fuzz(func(t *testing.T, d []byte) {
		u := Ufrag(d)
		if u != "" && len(d) < stunHeader {
			t.Error("a ufrag from nothing")
		}
		stranger := netip.MustParseAddrPort("203.0.113.9:99")
		socket.forget(stranger, s)
		s.paths = nil
		ours := socket.Handle(d, stranger)
		if ours && u != "here" {
			t.Errorf("took a datagram for %q", u)
		}
		// With the fingerprint and integrity made right, to get further.
		if len(d) > stunHeader && u == "here" {
			m := &stun.Message{Raw: append([]byte(nil), d...)}
			if m.Decode() == nil {
				b := parseBinding(d, s.local, "")
				if b != nil {
					if _, err := b.answer(origin{socket: socket, addr: known}, "secret"); err != nil {
						t.Error(err)
					}
				}
			}
		}
		if k := classify(d); k == kindSTUN && binary.BigEndian.Uint16(d) > 0x03ff {
			t.Error("not STUN")
		}
	})
}
