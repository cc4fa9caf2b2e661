package egress

import (
	"io"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtcp"
)

// park lets the viewer show that it has the keys.
func (h *house) park(v *viewer) {
	h.t.Helper()
	v.feed(&rtcp.ReceiverReport{SSRC: 5})
	synctest.Wait()
	h.expect()
	v.session.mu.Lock()
	defer v.session.mu.Unlock()
	if v.session.association != nil || v.session.parked == nil || len(v.session.parked.farewell) == 0 {
		h.t.Fatalf("not parked: %+v", v.session.parked)
	}
}

func TestOwnerCloses(t *testing.T) {
	for name, parked := range map[string]bool{"parked": true, "not parked": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, Limits{})
				v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
				if parked {
					h.park(v)
				}
				v.session.Close()
				if _, err := v.assoc.Read(make([]byte, 10)); err != io.EOF { //nolint:errorlint // as it is
					t.Errorf("the viewer reads %v", err)
				}
				if ev := h.expect(Closed); ev[0].Reason != ByOwner {
					t.Error(ev[0].Reason)
				}
				v.session.Close()
				h.expect()
			})
		})
	}
}

func TestViewerCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
		h.park(v)
		for range maxUnparks - 1 { // alerts of strangers
			v.send(append([]byte{21, 254, 253, 0, 1, 0, 0, 0, 0, 1, 0, 0, 26}, make([]byte, 26)...))
			time.Sleep(2 * unparkFor)
		}
		h.expect()
		if err := v.assoc.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if ev := h.expect(Closed); ev[0].Reason != ByPeer {
			t.Error(ev[0].Reason)
		}
	})
}

// A viewer that never sends SRTCP has its goroutines taken all the same.
func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
		time.Sleep(lingerFor + time.Second)
		v.session.mu.Lock()
		defer v.session.mu.Unlock()
		if v.session.parked == nil || v.session.association != nil {
			t.Error("not parked")
		}
	})
}

func TestWrongCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		_, print := certificate(t)
		other, _ := certificate(t)
		v := newViewer(t, h.hub.port("198.51.100.1:4000"), netip.MustParseAddrPort(serverAddr), h.open(print, h.video()))
		if err := v.connect(other, dtls.SRTP_AEAD_AES_128_GCM); err == nil {
			t.Error("connected with another's certificate")
		}
		synctest.Wait()
		if ev := h.expect(Closed); ev[0].Reason != BadHandshake {
			t.Error(ev[0].Reason)
		}
	})
}

func TestNoProfile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		cert, print := certificate(t)
		v := newViewer(t, h.hub.port("198.51.100.1:4000"), netip.MustParseAddrPort(serverAddr), h.open(print, h.video()))
		if err := v.connect(cert, dtls.SRTP_AES128_CM_HMAC_SHA1_32); err == nil {
			t.Error("connected without a profile in common")
		}
		synctest.Wait()
		if ev := h.expect(Closed); ev[0].Reason != BadHandshake {
			t.Error(ev[0].Reason)
		}
	})
}

// The handshake survives loss on both sides.
func TestHandshakeLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		random := rand.New(rand.NewPCG(1, 2))
		h.hub.lose = func(_, _ netip.AddrPort, d []byte) bool { return classify(d) == kindDTLS && random.IntN(4) == 0 }
		v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
		h.send(h.film.frame(0, 1, 0, 100), v.session.Stream(0))
		if n := len(v.packets()); n != 1 {
			t.Errorf("%d packets", n)
		}
	})
}

func TestEngineCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Limits{})
		v := h.join("198.51.100.1:4000", dtls.SRTP_AEAD_AES_128_GCM, h.video())
		h.sender.Close()
		synctest.Wait()
		h.expect(Closed)
		if _, err := v.assoc.Read(make([]byte, 10)); err != io.EOF { //nolint:errorlint // as it is
			t.Errorf("the viewer reads %v", err)
		}
		h.engine.close()
		_, print := certificate(t)
		if _, err := h.sender.Open(SessionParams{Fingerprints: []string{print}, Streams: []StreamParams{h.video()}}); err != ErrBusy { //nolint:errorlint // as it is
			t.Error(err)
		}
	})
}
