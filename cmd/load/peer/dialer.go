package peer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
)

// Dialer begins sessions. What they can share they share: the certificate and the
// connections for HTTP.
type Dialer struct {
	// ReceiveBuffer is the size that sockets ask the kernel for, in bytes; 0 leaves
	// it as it is.
	ReceiveBuffer int
	// SHA1 offers AES-CM with HMAC-SHA1 alone, as old clients do, and not AES-GCM.
	SHA1 bool
	// Bearer is the token for the endpoint, if it needs one.
	Bearer string

	client      *http.Client
	certificate tls.Certificate
	fingerprint string
}

// NewDialer makes a certificate.
func NewDialer() (*Dialer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "load"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(30 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return &Dialer{
		client:      &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
		certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		fingerprint: digest(der),
	}, nil
}

// Trust says which certificates of endpoints are good; without it those are that the
// system trusts. It must be called before the first session.
func (d *Dialer) Trust(trust *tls.Config) {
	d.client.Transport = &http.Transport{MaxIdleConnsPerHost: 16, TLSClientConfig: trust}
}

// Close lets go of the connections for HTTP.
func (d *Dialer) Close() { d.client.CloseIdleConnections() }

// profiles are the ways of SRTP that are offered.
func (d *Dialer) profiles() []dtls.SRTPProtectionProfile {
	if d.SHA1 {
		return []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80}
	}
	return []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80}
}

// digest is a certificate's fingerprint as SDP writes it (RFC 8122 section 5).
func digest(der []byte) string {
	sum := sha256.Sum256(der)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// Dial posts an offer to the endpoint and connects to what answers. When ctx ends it
// gives up; the session does not depend on it.
func (d *Dialer) Dial(ctx context.Context, endpoint string, direction Direction) (*Session, error) {
	began := time.Now()
	s := &Session{dialer: d, VideoSSRC: mathrand.Uint32(), AudioSSRC: mathrand.Uint32()}
	local := newSecret()
	text, err := s.post(ctx, endpoint, d.offer(local, direction, sources{s.VideoSSRC, s.AudioSSRC}))
	if err != nil {
		return nil, err
	}
	s.Signalled = time.Since(began)
	a, err := parseAnswer(text)
	if err == nil {
		err = s.connect(ctx, local, a)
	}
	if err != nil {
		s.Leave(context.WithoutCancel(ctx))
		return nil, err
	}
	s.TransportCC = a.transportCC
	s.Connected = time.Since(began)
	return s, nil
}

// post returns the answer.
func (s *Session) post(ctx context.Context, endpoint, offer string) (string, error) {
	at, err := url.Parse(endpoint)
	if err != nil {
		return "", fmt.Errorf("endpoint: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(offer))
	if err != nil {
		return "", fmt.Errorf("endpoint: %w", err)
	}
	r.Header.Set("Content-Type", "application/sdp")
	if s.dialer.Bearer != "" {
		r.Header.Set("Authorization", "Bearer "+s.dialer.Bearer)
	}
	res, err := s.dialer.client.Do(r)
	if err != nil {
		return "", fmt.Errorf("post the offer: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	const most = 64 << 10
	text, err := io.ReadAll(io.LimitReader(res.Body, most))
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	if res.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("%s: %s: %.200s", endpoint, res.Status, text)
	}
	location, err := at.Parse(res.Header.Get("Location"))
	if err != nil {
		return "", fmt.Errorf("the session's address: %w", err)
	}
	s.resource = location.String()
	return string(text), nil
}

// Leave ends the session at its resource, and frees the socket.
func (s *Session) Leave(ctx context.Context) {
	if s.Conn != nil {
		_ = s.Conn.Close()
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodDelete, s.resource, http.NoBody)
	if err != nil {
		return
	}
	if s.dialer.Bearer != "" {
		r.Header.Set("Authorization", "Bearer "+s.dialer.Bearer)
	}
	if res, err := s.dialer.client.Do(r); err == nil {
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
}

// dial makes the socket.
func (d *Dialer) dial(candidate string) (*net.UDPConn, error) {
	address, port, _ := strings.Cut(candidate, " ")
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return nil, fmt.Errorf("candidate: %w", err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("candidate: %w", err)
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(n))))
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if d.ReceiveBuffer > 0 {
		err = conn.SetReadBuffer(d.ReceiveBuffer)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("socket: %w", err)
	}
	return conn, nil
}
