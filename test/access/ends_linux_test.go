//go:build e2e

package access

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"weir/cmd/load/peer"
	"weir/control/auth/book"
	"weir/pipeline/service/rtmpd"
)

// stay is somebody who is served.
type stay struct {
	protocol string
	// until waits for the end, and says when it was.
	until func(ctx context.Context) (time.Time, error)
}

// settle brings somebody in by each protocol with a token: publishers of a stream, viewers of
// show/a.
func (s *server) settle(t *testing.T, stream, token string) []stay {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	fail := func(protocol string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", protocol, err)
		}
	}
	publisher, err := rtmpd.Dial(ctx, "rtmp://"+elsewhere+":"+s.rtmp+"/live/"+stream+"?key="+token, rtmpd.DialOptions{})
	fail("RTMP", err)
	t.Cleanup(func() { _ = publisher.Close() })
	d, err := peer.NewDialer()
	fail("WebRTC", err)
	d.Bearer = token
	d.Trust(s.trust)
	t.Cleanup(d.Close)
	site := "https://" + elsewhere + ":" + s.http
	whip, err := d.Dial(ctx, site+"/web/"+stream+"/whip", peer.Send)
	fail("WHIP", err)
	t.Cleanup(func() { _ = whip.Conn.Close() })
	whep, err := d.Dial(ctx, site+"/show/a/whep", peer.Receive)
	fail("WHEP", err)
	t.Cleanup(func() { _ = whep.Conn.Close() })
	return []stay{
		{"RTMP", func(ctx context.Context) (time.Time, error) {
			select {
			case <-publisher.Done():
			case <-ctx.Done():
				return time.Time{}, ctx.Err()
			}
			if told := new(rtmpd.StatusError); !errors.As(publisher.Err(), &told) || told.Code != rtmpd.CodeDenied {
				return time.Time{}, fmt.Errorf("it is told %w", publisher.Err())
			}
			return time.Now(), nil
		}},
		{"WHIP", func(ctx context.Context) (time.Time, error) { return silent(ctx, whip, true) }},
		{"WHEP", func(ctx context.Context) (time.Time, error) { return silent(ctx, whep, false) }},
		{"HLS", func(ctx context.Context) (time.Time, error) { return s.shut(ctx, site+"/show/a/index.m3u8", token) }},
	}
}

// silent waits until the other end of a session says nothing any more, not even that it is
// there, and says when it did last. A publisher sends sound meanwhile.
func silent(ctx context.Context, p *peer.Session, publishes bool) (last time.Time, err error) {
	const step, quiet = 20 * time.Millisecond, 1500 * time.Millisecond
	b := make([]byte, 1500)
	last = time.Now()
	for n := uint32(0); time.Since(last) < quiet; n++ {
		if err := ctx.Err(); err != nil {
			return last, err
		}
		if err := p.Consent(); err != nil {
			return last, err
		}
		if publishes {
			if err := speak(p, n); err != nil {
				return last, err
			}
		}
		_ = p.Conn.SetReadDeadline(time.Now().Add(step))
		for err = nil; err == nil; {
			if _, err = p.Conn.Read(b); err == nil {
				last = time.Now()
			}
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return last, err
		}
	}
	return last, nil
}

// speak sends the nth packet of sound, 20 ms of silence.
func speak(p *peer.Session, n uint32) error {
	packet := []byte{0x80, peer.AudioType}
	packet = binary.BigEndian.AppendUint16(packet, uint16(n))
	packet = binary.BigEndian.AppendUint32(packet, n*960)
	packet = binary.BigEndian.AppendUint32(packet, p.AudioSSRC)
	sealed, err := p.Out.EncryptRTP(nil, append(packet, 0xf8, 0xff, 0xfe), nil)
	if err == nil {
		_, err = p.Conn.Write(sealed)
	}
	return err
}

// shut asks for a playlist again and again until that is refused.
func (s *server) shut(ctx context.Context, url, token string) (time.Time, error) {
	c := client(elsewhere, s.trust)
	c.Transport.(*http.Transport).DisableKeepAlives = false
	defer c.CloseIdleConnections()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return time.Time{}, err
		}
		r.Header.Set("Authorization", "Bearer "+token)
		reply, err := c.Do(r)
		if err != nil {
			return time.Time{}, err
		}
		reply.Body.Close()
		switch reply.StatusCode {
		case http.StatusOK:
		case http.StatusUnauthorized, http.StatusForbidden: // who is amid it is told that it is withdrawn
			return time.Now(), nil
		default:
			return time.Time{}, fmt.Errorf("it is answered %s", reply.Status)
		}
		<-tick.C
	}
}

// TestSessionsEnd takes the credential away from those who are served, by each protocol: by
// the API, in the file, and by time.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	s, _ := begin(t, i)
	admin := s.admin(t)
	token := func(name string) secretMade {
		return made(t, s.ask(t, client(elsewhere, s.trust), http.MethodPost, "/v1/tokens", admin.Clone(), fmt.Sprintf(`{"name":%q,"scopes":["publish","play"]}`, name)))
	}
	asked, written := token("asked"), token("written")
	// With time enough to come in.
	expires := time.Now().Add(6 * time.Second).Truncate(time.Second)
	expiring := raw(t, jwt.SigningMethodES256, i.ec, `{"alg":"ES256","kid":"e"}`, payload(map[string]any{"exp": expires.Unix()}))
	for n, way := range []struct {
		name, token string
		// end takes it away, and says when that was.
		end func() time.Time
	}{
		{"by the API", asked.Secret, func() time.Time {
			begun := time.Now()
			if reply := s.ask(t, client(elsewhere, s.trust), http.MethodDelete, "/v1/tokens/"+asked.ID, admin.Clone(), ""); reply.StatusCode != http.StatusNoContent {
				t.Error(reply.Status)
			}
			return begun
		}},
		{"in the file", written.Secret, func() time.Time {
			begun := time.Now()
			store, err := book.Open(s.state())
			if err == nil {
				err = store.Update(func(b *book.Book) error {
					b.Tokens = slices.DeleteFunc(b.Tokens, func(t book.Token) bool { return t.ID == written.ID })
					return nil
				})
			}
			if err != nil {
				t.Error(err)
			}
			return begun
		}},
		{"by time", expiring, func() time.Time { return expires }},
	} {
		stays := s.settle(t, fmt.Sprint("ends", n), way.token)
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			type ending struct {
				protocol string
				at       time.Time
				err      error
			}
			endings := make(chan ending, len(stays))
			for _, each := range stays {
				go func() {
					at, err := each.until(ctx)
					endings <- ending{each.protocol, at, err}
				}()
			}
			select { // all are served for a while
			case e := <-endings:
				t.Errorf("%s ends before its time: %v", e.protocol, e.err)
				endings <- e
			case <-time.After(500 * time.Millisecond):
			}
			begun := way.end()
			var figures []string
			for range stays {
				e := <-endings
				after := e.at.Sub(begun).Round(10 * time.Millisecond)
				figures = append(figures, fmt.Sprintf("%s=%v", e.protocol, after))
				if e.err != nil || after < 0 || after > 5*time.Second {
					t.Errorf("%s ends after %v: %v", e.protocol, after, e.err)
				}
			}
			slices.Sort(figures)
			t.Logf("FIGURE access withdrawn %s: %s", way.name, strings.Join(figures, " "))
		})
	}
}
