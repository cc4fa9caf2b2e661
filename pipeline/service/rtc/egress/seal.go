package egress

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"hash"

	"github.com/pion/dtls/v3"
)

// profiles are the SRTP protection profiles that are served, the preferred first:
// AES-GCM takes a quarter of the time of AES-CM with HMAC-SHA1, and of the two
// AES-GCM profiles the shorter key is the cheaper.
func profiles() []dtls.SRTPProtectionProfile {
	return []dtls.SRTPProtectionProfile{
		dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80,
	}
}

func profileName(p dtls.SRTPProtectionProfile) string {
	switch p {
	case dtls.SRTP_AEAD_AES_128_GCM:
		return "AEAD_AES_128_GCM"
	case dtls.SRTP_AEAD_AES_256_GCM:
		return "AEAD_AES_256_GCM"
	case dtls.SRTP_AES128_CM_HMAC_SHA1_80:
		return "AES_128_CM_HMAC_SHA1_80"
	default:
		return "unknown"
	}
}

// A sealer encrypts the RTP packets of one session. The library's own context would
// parse each header again and look its SSRC up; here the caller knows both.
type sealer interface {
	// seal appends payload, encrypted, and the tag to packet, which holds the RTP
	// header and has capacity for them. payload may lie in its place already. index
	// is the packet's (RFC 3711 section 3.3.1): rollover counter and sequence number.
	seal(packet, payload []byte, ssrc uint32, index uint64) []byte
	// tag is the number of bytes that sealing adds.
	tag() int
}

// maxTag is the number of bytes that sealing adds at most.
const maxTag = 16

func newSealer(key, salt []byte, profile dtls.SRTPProtectionProfile) (sealer, error) {
	if profile == dtls.SRTP_AES128_CM_HMAC_SHA1_80 {
		return newCounterMode(key, salt)
	}
	return newGalois(key, salt)
}

// The labels of session keys (RFC 3711 section 4.3.1).
const (
	labelCipher = 0
	labelAuth   = 1
	labelSalt   = 2
)

var errKeys = errors.New("egress: master key or salt of a wrong length")

// derive makes n bytes of session key (RFC 3711 section 4.3.3, key derivation rate 0).
func derive(master, salt []byte, label byte, n int) ([]byte, error) {
	block, err := aes.NewCipher(master)
	if err != nil || len(salt) > 14 {
		return nil, errKeys
	}
	var iv [aes.BlockSize]byte
	copy(iv[:], salt)
	iv[7] ^= label
	out := make([]byte, n)
	cipher.NewCTR(block, iv[:]).XORKeyStream(out, out)
	return out, nil
}

// galois is AES-GCM (RFC 7714).
type galois struct {
	aead  cipher.AEAD
	salt  [12]byte
	nonce [12]byte
}

func newGalois(key, salt []byte) (*galois, error) {
	session, err := derive(key, salt, labelCipher, len(key))
	if err != nil {
		return nil, err
	}
	sessionSalt, err := derive(key, salt, labelSalt, 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(session)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &galois{aead: aead, salt: [12]byte(sessionSalt)}, nil
}

func (g *galois) tag() int { return 16 }

func (g *galois) seal(packet, payload []byte, ssrc uint32, index uint64) []byte {
	// RFC 7714 section 8.1: 2 zero bytes, SSRC, ROC, SEQ, all XOR the salt.
	g.nonce = g.salt
	n := g.nonce[:]
	binary.BigEndian.PutUint32(n[2:], binary.BigEndian.Uint32(n[2:])^ssrc)
	binary.BigEndian.PutUint32(n[6:], binary.BigEndian.Uint32(n[6:])^uint32(index>>16))
	binary.BigEndian.PutUint16(n[10:], binary.BigEndian.Uint16(n[10:])^uint16(index))
	return g.aead.Seal(packet, n, payload, packet)
}

// counterMode is AES-CM with HMAC-SHA1, tags of 80 bits (RFC 3711 sections 4.1.1 and
// 4.2.1).
type counterMode struct {
	block  cipher.Block
	salt   [14]byte
	mac    hash.Hash
	stream [maxPacket + aes.BlockSize]byte // key stream
	roc    [4]byte
	sum    [sha1.Size]byte
}

func newCounterMode(key, salt []byte) (*counterMode, error) {
	session, err := derive(key, salt, labelCipher, len(key))
	if err != nil {
		return nil, err
	}
	auth, err := derive(key, salt, labelAuth, sha1.Size)
	if err != nil {
		return nil, err
	}
	sessionSalt, err := derive(key, salt, labelSalt, 14)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(session)
	if err != nil {
		return nil, err
	}
	return &counterMode{block: block, salt: [14]byte(sessionSalt), mac: hmac.New(sha1.New, auth)}, nil
}

func (c *counterMode) tag() int { return 10 }

func (c *counterMode) seal(packet, payload []byte, ssrc uint32, index uint64) []byte {
	header, total := len(packet), len(packet)+len(payload)
	packet = packet[:total]
	stream := c.keyStream(len(payload), ssrc, index)
	subtle.XORBytes(packet[header:], payload, stream)
	binary.BigEndian.PutUint32(c.roc[:], uint32(index>>16))
	c.mac.Reset()
	_, _ = c.mac.Write(packet)
	_, _ = c.mac.Write(c.roc[:])
	return append(packet, c.mac.Sum(c.sum[:0])[:10]...)
}

// keyStream is block by block, because the standard library's counter mode cannot be
// set to another counter without being made anew. All counters are written before the
// first is encrypted: a processor that reads back in one piece what it has just written
// in several waits for it to reach the cache.
func (c *counterMode) keyStream(n int, ssrc uint32, index uint64) []byte {
	high := binary.BigEndian.Uint64(c.salt[:]) ^ uint64(ssrc)
	low := uint64(binary.BigEndian.Uint32(c.salt[8:]))<<32 | uint64(binary.BigEndian.Uint16(c.salt[12:]))<<16
	low ^= index << 16
	stream := c.stream[:(n+aes.BlockSize-1)&^(aes.BlockSize-1)]
	for i, b := uint64(0), stream; len(b) >= aes.BlockSize; i, b = i+1, b[aes.BlockSize:] {
		binary.BigEndian.PutUint64(b, high)
		binary.BigEndian.PutUint64(b[8:], low|i)
	}
	for b := stream; len(b) >= aes.BlockSize; b = b[aes.BlockSize:] {
		c.block.Encrypt(b[:aes.BlockSize], b[:aes.BlockSize])
	}
	return stream[:n]
}
