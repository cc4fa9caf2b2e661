package egress

import (
	"bytes"
	"encoding/binary"

	"github.com/pion/stun/v4"
)

const (
	stunHeader  = 20
	stunCookie  = 0x2112A442
	stunRequest = 0x0001 // Binding request
)

// Ufrag is the receiver's ufrag in a STUN binding request: the part of USERNAME
// before the colon (RFC 8445 section 7.2.2). It is "" if datagram is no such
// request. It checks nothing else.
func Ufrag(datagram []byte) string { return string(ufragOf(datagram)) }

// ufragOf is Ufrag without an allocation, for floods: what nobody here knows must
// cost next to nothing.
func ufragOf(d []byte) []byte {
	if len(d) < stunHeader || binary.BigEndian.Uint16(d) != stunRequest || binary.BigEndian.Uint32(d[4:]) != stunCookie ||
		int(binary.BigEndian.Uint16(d[2:])) != len(d)-stunHeader {
		return nil
	}
	for d = d[stunHeader:]; len(d) >= 4; {
		typ, n := binary.BigEndian.Uint16(d), int(binary.BigEndian.Uint16(d[2:]))
		if d = d[4:]; n > len(d) {
			return nil
		}
		if typ == uint16(stun.AttrUsername) {
			local, _, found := bytes.Cut(d[:n], []byte(":"))
			if !found || len(local) == 0 {
				return nil
			}
			return local
		}
		d = d[min((n+3)&^3, len(d)):]
	}
	return nil
}

// binding is a valid connectivity check.
type binding struct {
	message   stun.Message
	nominates bool
	conflict  bool // the peer thinks that it is controlled, as we are
	unknown   stun.UnknownAttributes
}

// parseBinding checks a binding request: FINGERPRINT, USERNAME, MESSAGE-INTEGRITY,
// in the order of what they cost (RFC 8489 section 9.1.3). It returns nil if one is
// wrong, and then nobody gets an answer.
func parseBinding(datagram []byte, local Credentials, remoteUfrag string) *binding {
	b := &binding{message: stun.Message{Raw: bytes.Clone(datagram)}}
	m := &b.message
	if m.Decode() != nil || m.Type != stun.BindingRequest || stun.Fingerprint.Check(m) != nil {
		return nil
	}
	username, err := m.Get(stun.AttrUsername)
	if err != nil {
		return nil
	}
	ours, theirs, _ := bytes.Cut(username, []byte(":"))
	if string(ours) != local.Ufrag || remoteUfrag != "" && string(theirs) != remoteUfrag {
		return nil
	}
	if stun.NewShortTermIntegrity(local.Password).Check(m) != nil {
		return nil
	}
	for _, a := range m.Attributes {
		switch a.Type {
		case stun.AttrMessageIntegrity, stun.AttrMessageIntegritySHA256, stun.AttrUsername, stun.AttrPriority:
		case stun.AttrUseCandidate:
			b.nominates = true
		case stun.AttrICEControlled:
			b.conflict = true
		default:
			if a.Type.Required() {
				b.unknown = append(b.unknown, a.Type)
			}
		}
		if a.Type == stun.AttrMessageIntegrity {
			break // what follows is not signed
		}
	}
	return b
}

// ok says whether the check counts.
func (b *binding) ok() bool { return !b.conflict && len(b.unknown) == 0 }

// answer is the response to a valid check that came from o.
func (b *binding) answer(o origin, password string) ([]byte, error) {
	setters := []stun.Setter{stun.NewTransactionIDSetter(b.message.TransactionID)}
	switch {
	case b.conflict: // RFC 8445 section 7.3.1.1
		setters = append(setters, stun.BindingError, stun.CodeRoleConflict)
	case len(b.unknown) > 0: // RFC 8489 section 6.3.1
		setters = append(setters, stun.BindingError, stun.CodeUnknownAttribute, b.unknown)
	default:
		setters = append(setters, stun.BindingSuccess,
			&stun.XORMappedAddress{IP: o.addr.Addr().AsSlice(), Port: int(o.addr.Port())})
	}
	setters = append(setters, stun.NewShortTermIntegrity(password), stun.Fingerprint)
	m, err := stun.Build(setters...)
	if err != nil {
		return nil, err
	}
	return m.Raw, nil
}
