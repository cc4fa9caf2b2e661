package egress

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
	"github.com/pion/srtp/v3"
)

// fingerprint is a digest of the viewer's certificate (RFC 8122 section 5).
type fingerprint struct {
	hash   string
	digest []byte
}

var errFingerprint = errors.New("egress: the certificate fits none of the fingerprints")

// parseFingerprints keeps the fingerprints whose hash is strong.
func parseFingerprints(lines []string) ([]fingerprint, error) {
	var all []fingerprint
	for _, line := range lines[:min(len(lines), 16)] {
		hash, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		digest, err := hex.DecodeString(strings.ReplaceAll(value, ":", ""))
		if err != nil {
			return nil, fmt.Errorf("egress: fingerprint: %w", err)
		}
		hash = strings.ToLower(hash)
		if len(digest) == digestSize(hash) {
			all = append(all, fingerprint{hash: hash, digest: digest})
		}
	}
	if len(all) == 0 {
		return nil, errors.New("egress: no fingerprint of a hash in use")
	}
	return all, nil
}

func digestSize(hash string) int {
	switch hash {
	case "sha-256":
		return sha256.Size
	case "sha-384":
		return sha512.Size384
	case "sha-512":
		return sha512.Size
	default:
		return -1
	}
}

func (f fingerprint) fits(certificate []byte) bool {
	var digest []byte
	switch f.hash {
	case "sha-256":
		d := sha256.Sum256(certificate)
		digest = d[:]
	case "sha-384":
		d := sha512.Sum384(certificate)
		digest = d[:]
	case "sha-512":
		d := sha512.Sum512(certificate)
		digest = d[:]
	}
	return subtle.ConstantTimeCompare(digest, f.digest) == 1
}

// verify is the check of the viewer's certificate.
func (s *Session) verify(certificates [][]byte, _ [][]*x509.Certificate) error {
	if len(certificates) == 0 {
		return errFingerprint
	}
	for _, f := range s.fingerprints {
		if f.fits(certificates[0]) {
			return nil
		}
	}
	return errFingerprint
}

// colonHex is a digest as SDP writes it.
func colonHex(digest [sha256.Size]byte) string {
	return strings.TrimSuffix(strings.ReplaceAll(fmt.Sprintf("% X", digest[:])+" ", " ", ":"), ":")
}

// flightEvery is how long to wait for an answer before a flight is sent again.
const flightEvery = 200 * time.Millisecond

// options of the server side of DTLS 1.2. The cookie exchange is left out: an address
// whose ICE check is valid needs no other proof.
func (s *Session) options() []dtls.ServerOption {
	return []dtls.ServerOption{
		dtls.WithCertificates(s.engine.certificate),
		dtls.WithSRTPProtectionProfiles(profiles()...),
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithFlightInterval(flightEvery),
		dtls.WithInsecureSkipVerify(true), // verify knows the fingerprint
		dtls.WithVerifyPeerCertificate(s.verify),
		dtls.WithInsecureSkipVerifyHello(true),
		silent(),
	}
}

// silent lets DTLS log nothing: what matters comes back as an error.
func silent() dtls.Option {
	return dtls.WithLoggerFactory(&logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled})
}

// handleDTLS takes a DTLS datagram from a validated address.
func (s *Session) handleDTLS(datagram []byte, from origin) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.State() == Gone:
	case s.association != nil:
		s.association.transport.deliver(datagram)
	case s.State() == Checked && isClientHello(datagram):
		if s.engine.registry.beginHandshake(from.addr.Addr()) {
			s.association = newAssociation(s)
			s.association.transport.deliver(datagram)
			go s.association.run(from.addr.Addr())
		}
	case s.parked != nil && isAlert(datagram):
		s.unpark(datagram)
	}
}

// isClientHello looks at a record's type, epoch and message type (RFC 6347 section
// 4.1 and 4.2.2).
func isClientHello(d []byte) bool {
	return len(d) > 25 && d[0] == 22 && d[3] == 0 && d[4] == 0 && d[13] == 1
}

// live makes the session send: the handshake is done.
func (s *Session) live(conn *dtls.Conn) error {
	profile, ok := conn.SelectedSRTPProtectionProfile()
	state, exported := conn.ConnectionState()
	if !ok || !exported {
		return errors.New("egress: no SRTP profile in common")
	}
	srtpProfile := srtp.ProtectionProfile(profile)
	keys := srtp.Config{Profile: srtpProfile}
	if err := keys.ExtractSessionKeysFromDTLS(&state, false); err != nil {
		return fmt.Errorf("egress: keys: %w", err)
	}
	in, err := srtp.CreateContext(keys.Keys.RemoteMasterKey, keys.Keys.RemoteMasterSalt, srtpProfile, srtp.SRTCPReplayProtection(64))
	if err != nil {
		return fmt.Errorf("egress: keys: %w", err)
	}
	if err := s.outbound.secure(keys.Keys.LocalMasterKey, keys.Keys.LocalMasterSalt, profile); err != nil {
		return fmt.Errorf("egress: keys: %w", err)
	}
	s.keysMu.Lock()
	s.inbound.context = in
	s.keysMu.Unlock()

	name := profileName(profile)
	s.counted.profile.Store(&name)
	s.counted.connect.Store(int64(s.engine.now() - s.opened))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.State() == Gone {
		return errGone
	}
	s.state.Store(uint32(Live))
	s.engine.registry.established(s)
	s.sender.mailbox.connected(s)
	return nil
}
