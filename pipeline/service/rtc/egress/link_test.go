package egress

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/dtls/v3"
)

// pipeConn is one end of a net.Pipe with an address.
type pipeConn struct {
	net.Conn
	remote netip.AddrPort
}

func (p pipeConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(p.remote) }

// framed is the viewer's end as a net.PacketConn.
type framed struct {
	net.Conn
	in *bufio.Reader
	mu sync.Mutex
}

func newFramed(c net.Conn) *framed { return &framed{Conn: c, in: bufio.NewReader(c)} }

func (f *framed) ReadFrom(b []byte) (int, net.Addr, error) {
	d, err := readFrame(f.in, make([]byte, 4096))
	return copy(b, d), f.RemoteAddr(), err
}

func (f *framed) WriteTo(b []byte, _ net.Addr) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
}

// dial makes a TCP connection to the engine, as package rtc hands it over.
func (h *house) dial(serving *sync.WaitGroup) *framed {
	h.t.Helper()
	here, there := net.Pipe()
	conn := pipeConn{Conn: there, remote: netip.MustParseAddrPort("198.51.100.1:5000")}
	serving.Go(func() {
		first, err := readFrame(conn, make([]byte, maxFrame))
		if err != nil {
			_ = conn.Close()
			return
		}
		h.engine.HandleTCP(conn, first)
	})
	return newFramed(here)
}

func TestTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var serving sync.WaitGroup
		defer serving.Wait()
		h := newHouse(t, Limits{})
		cert, print := certificate(t)
		v := newViewer(t, h.dial(&serving), netip.MustParseAddrPort(serverAddr), h.open(print, h.video()))
		if err := v.connect(cert, dtls.SRTP_AEAD_AES_128_GCM); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		h.expect(Connected)
		h.send(h.film.frame(0, 1, 0, 1000, 1000, 300), v.session.Stream(0))
		if got := v.packets(); len(got) != 3 || len(got[2].Payload) != 300 {
			t.Errorf("%v", got)
		}
		if st := v.session.Stats(); !st.TCP || st.Remote.String() != "198.51.100.1:5000" || st.Packets != 3 {
			t.Errorf("%+v", st)
		}
		h.park(v)
		v.session.Close()
		if _, err := v.assoc.Read(make([]byte, 10)); err != io.EOF { //nolint:errorlint // as it is
			t.Errorf("the viewer reads %v", err)
		}
		h.expect(Closed)
	})
}

// A viewer that does not read costs its queue and no more, and holds up nobody.
func TestTCPDeaf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var serving sync.WaitGroup
		defer serving.Wait()
		h := newHouse(t, Limits{TCPQueue: 10_000})
		_, print := certificate(t)
		s := h.open(print, h.video())
		conn := h.dial(&serving)
		c := s.Credentials()
		if _, err := conn.WriteTo(request(t, c.Ufrag+":"+viewerUfrag, c.Password, nominate()), nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := s.secure(make([]byte, 16), make([]byte, 12), dtls.SRTP_AEAD_AES_128_GCM); err != nil {
			t.Fatal(err)
		}
		s.state.Store(uint32(Live))
		h.engine.registry.established(s)
		for i := range uint16(100) {
			h.send(h.film.frame(0, i, 0, 1000), s.Stream(0))
		}
		if st := s.Stats(); st.Packets != 9 || st.Dropped != 91 {
			t.Errorf("%+v", st)
		}
		time.Sleep(writeFor + time.Second)              // the answer to the check was never read
		if _, err := conn.ReadByteOf(); err != io.EOF { //nolint:errorlint // as it is
			t.Errorf("still open: %v", err)
		}
		time.Sleep(time.Minute)
		if ev := h.sender.Poll(); len(ev) != 1 || ev[0].Reason != NoConsent {
			t.Errorf("%+v", ev)
		}
		_ = conn.Close()
	})
}

// ReadByteOf reads past what is buffered.
func (f *framed) ReadByteOf() (byte, error) { return f.in.ReadByte() }

// Strangers have as long to connect as anybody, in all.
func TestTCPStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var serving sync.WaitGroup
		defer serving.Wait()
		h := newHouse(t, Limits{Connect: 5 * time.Second})
		_, print := certificate(t)
		c := h.open(print, h.video()).Credentials()
		conn := h.dial(&serving)
		began := time.Now()
		for {
			if _, err := conn.WriteTo(request(t, c.Ufrag+":"+viewerUfrag, "wrong"), nil); err != nil {
				break
			}
			time.Sleep(700 * time.Millisecond)
		}
		if took := time.Since(began); took != 5600*time.Millisecond {
			t.Errorf("closed after %v", took)
		}
		_ = conn.Close()
	})
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte{0, 3, 1, 2, 3, 0, 0, 0, 1, 9})
	f.Add([]byte{0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		in, buf, used := bytes.NewReader(b), make([]byte, maxFrame), 0
		for {
			frame, err := readFrame(in, buf)
			if err != nil {
				return
			}
			n := int(binary.BigEndian.Uint16(b[used:]))
			if len(frame) != n || !bytes.Equal(frame, b[used+2:used+2+n]) || n > maxFrame {
				t.Fatalf("frame %x at %d of %x", frame, used, b)
			}
			used += 2 + n
		}
	})
}
