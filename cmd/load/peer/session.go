package peer

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"
)

// Session is a connected session. What is read from and written to Conn, and with
// which keys, is the caller's; one goroutine may use it at a time.
type Session struct {
	// Conn carries SRTP, SRTCP and STUN, to and from one address.
	Conn *net.UDPConn
	// Early is what came before the keys were there, in order; the caller's to read first.
	Early [][]byte
	// In and Out are the keys of either direction.
	In, Out *srtp.Context
	// VideoSSRC and AudioSSRC are what the offer says of what is sent here.
	VideoSSRC, AudioSSRC uint32
	// TransportCC says that packets carry transport-wide sequence numbers.
	TransportCC bool
	// Signalled is how long the answer took, Connected how long it took until there
	// were keys; both from the offer on.
	Signalled, Connected time.Duration

	dialer   *Dialer
	resource string
	consent  []byte // a connectivity check
}

// checkEvery is how long an answer to the first connectivity check is waited for.
const checkEvery = 100 * time.Millisecond

var errFingerprint = errors.New("the certificate does not fit the fingerprint")

func (s *Session) connect(ctx context.Context, local secret, a answer) error {
	var err error
	if s.Conn, err = s.dialer.dial(a.candidate); err != nil {
		return err
	}
	unhook := context.AfterFunc(ctx, func() { _ = s.Conn.SetDeadline(time.Unix(1, 0)) })
	defer unhook()
	if err := s.check(ctx, local, a); err != nil {
		return err
	}
	if err := s.shake(ctx, a.fingerprint); err != nil {
		return err
	}
	if !unhook() {
		return fmt.Errorf("connect: %w", ctx.Err())
	}
	return s.Conn.SetDeadline(time.Time{})
}

// check nominates the only pair there is (RFC 8445 section 7.2).
func (s *Session) check(ctx context.Context, local secret, a answer) error {
	request := func(more ...stun.Setter) (*stun.Message, error) {
		setters := append([]stun.Setter{
			stun.TransactionID, stun.BindingRequest, stun.NewUsername(a.ufrag + ":" + local.ufrag),
			number{stun.AttrPriority, 4, 1845501695},
			number{stun.AttrICEControlling, 8, 1},
		}, more...)
		m, err := stun.Build(append(setters, stun.NewShortTermIntegrity(a.password), stun.Fingerprint)...)
		if err != nil {
			return nil, fmt.Errorf("connectivity check: %w", err)
		}
		return m, nil
	}
	m, err := request(number{typ: stun.AttrUseCandidate})
	if err != nil {
		return err
	}
	later, err := request()
	if err != nil {
		return err
	}
	s.consent = later.Raw
	b := make([]byte, 1500)
	for ctx.Err() == nil {
		if _, err := s.Conn.Write(m.Raw); err != nil {
			return fmt.Errorf("connectivity check: %w", err)
		}
		_ = s.Conn.SetReadDeadline(time.Now().Add(checkEvery))
		n, err := s.Conn.Read(b)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue
		case err != nil:
			return fmt.Errorf("connectivity check: %w", err)
		}
		response := &stun.Message{Raw: b[:n]}
		if response.Decode() == nil && response.TransactionID == m.TransactionID {
			if response.Type != stun.BindingSuccess {
				return fmt.Errorf("connectivity check: %s", response)
			}
			return nil
		}
	}
	return fmt.Errorf("connectivity check: %w", ctx.Err())
}

// number is an attribute of size bytes.
type number struct {
	typ   stun.AttrType
	size  int
	value uint64
}

// AddTo implements stun.Setter.
func (n number) AddTo(m *stun.Message) error {
	b := make([]byte, n.size)
	for i := range b {
		b[i] = byte(n.value >> (8 * (n.size - 1 - i)))
	}
	m.Add(n.typ, b)
	return nil
}

// Consent repeats the connectivity check (RFC 7675), without waiting for an answer.
// Browsers do so every 2.5 s.
func (s *Session) Consent() error {
	_, err := s.Conn.Write(s.consent)
	return err //nolint:wrapcheck // the caller knows what it asked for
}

// shake does the DTLS handshake and derives the keys.
func (s *Session) shake(ctx context.Context, fingerprint string) error {
	_ = s.Conn.SetReadDeadline(time.Time{})
	way := &transport{UDPConn: s.Conn}
	conn, err := dtls.ClientWithOptions(way, s.Conn.RemoteAddr(),
		dtls.WithCertificates(s.dialer.certificate),
		dtls.WithSRTPProtectionProfiles(s.dialer.profiles()...),
		dtls.WithInsecureSkipVerify(true), // the fingerprint is what counts
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || digest(raw[0]) != fingerprint {
				return errFingerprint
			}
			return nil
		}),
		dtls.WithLoggerFactory(&logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled}),
	)
	if err != nil {
		return fmt.Errorf("dtls: %w", err)
	}
	err = conn.HandshakeContext(ctx)
	if err == nil {
		err = s.keys(conn)
	}
	s.Early = way.end()
	_ = conn.Close()
	if err != nil {
		return fmt.Errorf("dtls: %w", err)
	}
	return nil
}

func (s *Session) keys(conn *dtls.Conn) error {
	profile, ok := conn.SelectedSRTPProtectionProfile()
	state, exported := conn.ConnectionState()
	if !ok || !exported {
		return errors.New("no SRTP profile in common")
	}
	c := srtp.Config{Profile: srtp.ProtectionProfile(profile)}
	err := c.ExtractSessionKeysFromDTLS(&state, true)
	if err == nil {
		s.Out, err = srtp.CreateContext(c.Keys.LocalMasterKey, c.Keys.LocalMasterSalt, c.Profile)
	}
	if err == nil {
		s.In, err = srtp.CreateContext(c.Keys.RemoteMasterKey, c.Keys.RemoteMasterSalt, c.Profile)
	}
	return err //nolint:wrapcheck // shake does
}
