package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"

	"weir/pipeline/media"
)

const viewerUfrag = "view"

// viewer is a client made of pion's parts.
type viewer struct {
	t       testing.TB
	conn    net.PacketConn
	server  *net.UDPAddr
	session *Session
	creds   Credentials

	checks chan *stun.Message
	dtls   *transportFake
	srtp   chan []byte
	srtcp  chan []byte
	assoc  *dtls.Conn
	in     *srtp.Context
	out    *srtp.Context
	done   chan struct{}
}

// transportFake is what the client's DTLS reads from.
type transportFake struct {
	net.PacketConn
	port *port
}

func newViewer(t testing.TB, conn net.PacketConn, server netip.AddrPort, session *Session) *viewer {
	t.Helper()
	v := &viewer{
		t: t, conn: conn, server: net.UDPAddrFromAddrPort(server), session: session, creds: session.Credentials(),
		checks: make(chan *stun.Message, 64), srtp: make(chan []byte, 4096), srtcp: make(chan []byte, 256), done: make(chan struct{}),
	}
	inner := newHub().port("10.9.9.9:9") // only for its queue and deadlines
	v.dtls = &transportFake{PacketConn: conn, port: inner}
	go v.pump()
	t.Cleanup(v.close)
	return v
}

func (d *transportFake) ReadFrom(b []byte) (int, net.Addr, error) { return d.port.ReadFrom(b) }
func (d *transportFake) SetReadDeadline(t time.Time) error        { return d.port.SetReadDeadline(t) }
func (d *transportFake) SetDeadline(t time.Time) error            { return d.port.SetReadDeadline(t) }
func (d *transportFake) Close() error                             { return d.port.Close() }

func (v *viewer) pump() {
	defer close(v.done)
	b := make([]byte, 2048)
	for {
		n, _, err := v.conn.ReadFrom(b)
		if err != nil {
			return
		}
		d := append([]byte(nil), b[:n]...)
		switch classify(d) {
		case kindSTUN:
			m := &stun.Message{Raw: d}
			if m.Decode() == nil {
				v.checks <- m
			}
		case kindDTLS:
			v.dtls.port.in <- packet{data: d, from: v.server.AddrPort()}
		case kindRTP:
			v.srtp <- d
		case kindRTCP:
			v.srtcp <- d
		case kindOther:
		}
	}
}

// leave goes without a word, and forgets everything.
func (v *viewer) leave() {
	_ = v.conn.Close()
	<-v.done
	if p, ok := v.conn.(*port); ok {
		p.hub.mu.Lock()
		delete(p.hub.ports, p.at())
		p.hub.mu.Unlock()
	}
	_ = v.dtls.Close()
	_ = v.assoc.Close()
	*v = viewer{}
}

func (v *viewer) close() {
	if v.conn == nil {
		return
	}
	if v.assoc != nil {
		_ = v.assoc.Close()
	}
	_ = v.conn.Close()
	<-v.done
}

func (v *viewer) send(d []byte) {
	if _, err := v.conn.WriteTo(d, v.server); err != nil {
		v.t.Error(err)
	}
}

// request makes a connectivity check.
func request(t testing.TB, username, password string, more ...stun.Setter) []byte {
	t.Helper()
	setters := []stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(username)}
	setters = append(setters, more...)
	setters = append(setters, stun.NewShortTermIntegrity(password), stun.Fingerprint)
	m, err := stun.Build(setters...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

type attribute stun.RawAttribute

func (a attribute) AddTo(m *stun.Message) error {
	m.Add(a.Type, a.Value)
	return nil
}

func nominate() stun.Setter { return attribute{Type: stun.AttrUseCandidate} }

// check sends a check and returns its answer.
func (v *viewer) check(more ...stun.Setter) *stun.Message {
	v.t.Helper()
	v.send(request(v.t, v.creds.Ufrag+":"+viewerUfrag, v.creds.Password, more...))
	select {
	case m := <-v.checks:
		return m
	case <-time.After(5 * time.Second):
		v.t.Fatal("no answer to a check")
		return nil
	}
}

// connect checks and shakes hands with the profile.
func (v *viewer) connect(certificate tls.Certificate, offered ...dtls.SRTPProtectionProfile) error {
	v.t.Helper()
	v.check(nominate())
	conn, err := dtls.ClientWithOptions(v.dtls, v.server,
		dtls.WithCertificates(certificate), dtls.WithSRTPProtectionProfiles(offered...), dtls.WithInsecureSkipVerify(true), silent(),
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error {
			fingerprints, err := parseFingerprints([]string{v.session.engine.Fingerprint()})
			if err != nil || !fingerprints[0].fits(raw[0]) {
				return errFingerprint
			}
			return nil
		}),
	)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	v.assoc = conn
	profile, _ := conn.SelectedSRTPProtectionProfile()
	state, _ := conn.ConnectionState()
	c := srtp.Config{Profile: srtp.ProtectionProfile(profile)}
	if err := c.ExtractSessionKeysFromDTLS(&state, true); err != nil {
		return err
	}
	if v.out, err = srtp.CreateContext(c.Keys.LocalMasterKey, c.Keys.LocalMasterSalt, c.Profile); err != nil {
		return err
	}
	v.in, err = srtp.CreateContext(c.Keys.RemoteMasterKey, c.Keys.RemoteMasterSalt, c.Profile)
	return err
}

// packets decrypts what media has come.
func (v *viewer) packets() []*rtp.Packet {
	v.t.Helper()
	var all []*rtp.Packet
	for len(v.srtp) > 0 {
		plain, err := v.in.DecryptRTP(nil, <-v.srtp, nil)
		if err != nil {
			v.t.Fatal(err)
		}
		p := new(rtp.Packet)
		if err := p.Unmarshal(plain); err != nil {
			v.t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// reports decrypts what RTCP has come.
func (v *viewer) reports() []rtcp.Packet {
	v.t.Helper()
	var all []rtcp.Packet
	for len(v.srtcp) > 0 {
		plain, err := v.in.DecryptRTCP(nil, <-v.srtcp, nil)
		if err != nil {
			v.t.Fatal(err)
		}
		ps, err := rtcp.Unmarshal(plain)
		if err != nil {
			v.t.Fatal(err)
		}
		all = append(all, ps...)
	}
	return all
}

// feed sends RTCP.
func (v *viewer) feed(packets ...rtcp.Packet) {
	v.t.Helper()
	plain, err := rtcp.Marshal(packets)
	if err != nil {
		v.t.Fatal(err)
	}
	sealed, err := v.out.EncryptRTCP(nil, plain, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	v.send(sealed)
}

// film is a History, and what fills it.
type film struct {
	track *media.Track
	held  map[int8]map[uint16]*media.Unit
}

func newFilm() *film {
	return &film{
		track: &media.Track{ID: "video", Codec: media.CodecH264, Form: media.FormRTP, Rate: media.VideoRate},
		held:  make(map[int8]map[uint16]*media.Unit),
	}
}

func (f *film) Packet(layer int8, sequence uint16) *media.Unit { return f.held[layer][sequence] }

// frame makes a picture of packets with sizes, the first with number seq.
func (f *film) frame(layer int8, seq uint16, pts media.Ticks, sizes ...int) []*media.Unit {
	var units []*media.Unit
	for i, n := range sizes {
		u := &media.Unit{Track: f.track, Layer: layer, PTS: pts, DTS: pts, RTP: &media.RTP{
			Sequence: seq + uint16(i), Marker: i == len(sizes)-1, Payload: []byte(strings.Repeat(string(rune('a'+i%26)), n)),
		}}
		if f.held[layer] == nil {
			f.held[layer] = make(map[uint16]*media.Unit)
		}
		f.held[layer][u.RTP.Sequence] = u
		units = append(units, u)
	}
	return units
}
