package link

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Cookie is the name of the cookie with a link in one piece.
const Cookie = "weir_link"

// Link is a permission to watch.
type Link struct {
	// Prefix is a stream, "live/studio", or a folder of streams, "live/".
	Prefix  string
	Expires time.Time // in seconds
	Key     string    // the ID of the key that it is signed with
	// Bound says that it is for the viewer of one address.
	Bound bool
	sum   string
}

// The kinds of links that are no good.
var (
	// ErrNone is for a query or a cookie that has no link.
	ErrNone = errors.New("no link")
	// ErrForged is for a link that was not signed with the key, or for something else.
	ErrForged = errors.New("the link's signature is wrong")
	// ErrExpired is for a link whose time is past.
	ErrExpired = errors.New("the link has expired")
)

func sign(secret []byte, prefix string, expires int64, ip netip.Addr) string {
	address := ""
	if ip.IsValid() {
		address = ip.Unmap().WithZone("").String()
	}
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte("weir-link-1\n/" + prefix + "\n" + strconv.FormatInt(expires, 10) + "\n" + address))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Sign makes a link. A valid ip binds it to the viewer's address.
func Sign(secret []byte, key, prefix string, expires time.Time, ip netip.Addr) Link {
	return Link{
		Prefix: prefix, Expires: expires.Truncate(time.Second), Key: key, Bound: ip.IsValid(),
		sum: sign(secret, prefix, expires.Unix(), ip),
	}
}

// Query is the link as the query of a URL.
func (l Link) Query() string {
	q := "exp=" + strconv.FormatInt(l.Expires.Unix(), 10) + "&kid=" + url.QueryEscape(l.Key) + "&sig=" + l.sum
	if strings.HasSuffix(l.Prefix, "/") {
		q += "&prefix=" + url.QueryEscape(l.Prefix)
	}
	if l.Bound {
		q += "&ip=1"
	}
	return q
}

// Piece is the link in one piece. That of a folder has no such form.
func (l Link) Piece() string {
	s := strconv.FormatInt(l.Expires.Unix(), 10) + "." + l.Key + "." + l.sum
	if l.Bound {
		s += ".ip"
	}
	return s
}

// longest bounds the parts of a link in bytes.
const longest = 256

// FromQuery reads the link to a stream out of a URL's query. It fails with ErrNone if
// there is none, and with ErrForged if it is none that Sign has made.
func FromQuery(stream, raw string) (Link, error) {
	if !strings.Contains(raw, "sig=") {
		return Link{}, ErrNone
	}
	q, err := url.ParseQuery(raw)
	if err != nil || !q.Has("sig") {
		return Link{}, ErrNone
	}
	for _, name := range []string{"exp", "kid", "sig", "prefix", "ip"} {
		if len(q[name]) > 1 || len(q.Get(name)) > longest {
			return Link{}, ErrForged // which of two counts would be a matter of taste
		}
	}
	l := Link{Prefix: stream, Key: q.Get("kid"), Bound: q.Get("ip") == "1", sum: q.Get("sig")}
	if q.Has("prefix") {
		l.Prefix = q.Get("prefix")
		if !strings.HasSuffix(l.Prefix, "/") || !strings.HasPrefix(stream, l.Prefix) {
			return Link{}, ErrForged
		}
	}
	return l, l.expire(q.Get("exp"))
}

// FromPiece reads a link to a stream that is in one piece.
func FromPiece(stream, piece string) (Link, error) {
	parts := strings.Split(piece, ".")
	bound := len(parts) == 4 && parts[3] == "ip"
	if len(piece) > 3*longest || len(parts) != 3 && !bound {
		return Link{}, ErrForged
	}
	l := Link{Prefix: stream, Key: parts[1], Bound: bound, sum: parts[2]}
	return l, l.expire(parts[0])
}

// expire sets when the link expires.
func (l *Link) expire(digits string) error {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != digits {
		return ErrForged
	}
	l.Expires = time.Unix(n, 0)
	return nil
}

// Verify says whether the link was signed with the secret and is good now, for the viewer
// at ip.
func (l Link) Verify(secret []byte, ip netip.Addr, now time.Time) error {
	if !l.Bound {
		ip = netip.Addr{}
	} else if !ip.IsValid() {
		return ErrForged
	}
	if !hmac.Equal([]byte(sign(secret, l.Prefix, l.Expires.Unix(), ip)), []byte(l.sum)) {
		return ErrForged
	}
	if !now.Before(l.Expires) {
		return ErrExpired
	}
	return nil
}
