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

// ending is how somebody who was served has ended.
type ending struct {
	protocol string
	at       time.Time
	err      error
}

// stay is somebody who is served, and waits for the end.
type stay struct {
	protocol string
	until    func(ctx context.Context) (time.Time, error)
}

// settle brings somebody in by each protocol with a token: publishers of a stream, viewers of
// show/a. They stay until they are sent away or ctx ends.
func (s *server) settle(ctx context.Context, t *testing.T, stream, token string) (<-chan ending, error) {
	t.Helper()
	coming, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	endings := make(chan ending, protocols)
	keep := func(each stay) {
		go func() {
			at, err := each.until(ctx)
			endings <- ending{each.protocol, at, err}
		}()
	}
	publisher, err := rtmpd.Dial(coming, "rtmp://"+elsewhere+":"+s.rtmp+"/live/"+stream+"?key="+token, rtmpd.DialOptions{})
	if err != nil {
		return nil, fmt.Errorf("RTMP: %w", err)
	}
	t.Cleanup(func() { _ = publisher.Close() })
	keep(stay{"RTMP", func(ctx context.Context) (time.Time, error) {
		select {
		case <-publisher.Done():
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
		if told := new(rtmpd.StatusError); !errors.As(publisher.Err(), &told) || told.Code != rtmpd.CodeDenied {
			return time.Time{}, fmt.Errorf("it is told %w", publisher.Err())
		}
		return time.Now(), nil
	}})
	d, err := peer.NewDialer()
	if err != nil {
		return nil, fmt.Errorf("WebRTC: %w", err)
	}
	d.Bearer = token
	d.Trust(s.trust)
	t.Cleanup(d.Close)
	site := "https://" + elsewhere + ":" + s.http
	for _, way := range []struct {
		protocol, path string
		to             peer.Direction
	}{{"WHIP", "/web/" + stream + "/whip", peer.Send}, {"WHEP", "/show/a/whep", peer.Receive}} {
		p, err := d.Dial(coming, site+way.path, way.to)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", way.protocol, err)
		}
		t.Cleanup(func() { _ = p.Conn.Close() })
		keep(stay{way.protocol, func(ctx context.Context) (time.Time, error) { return silent(ctx, p, way.to == peer.Send) }})
	}
	keep(stay{"HLS", func(ctx context.Context) (time.Time, error) { return s.shut(ctx, site+"/show/a/index.m3u8", token) }})
	return endings, nil
}

// protocols is by how many somebody settles.
const protocols = 4

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
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	settle := func(stream, token string) <-chan ending {
		endings, err := s.settle(ctx, t, stream, token)
		if err != nil {
			t.Fatal(err)
		}
		return endings
	}
	asked, written := token("asked"), token("written")
	for _, way := range []struct {
		name    string
		endings <-chan ending
		// end takes the credential away, and says when that was.
		end func() time.Time
	}{
		{"by the API", settle("asked", asked.Secret), func() time.Time {
			begun := time.Now()
			if reply := s.ask(t, client(elsewhere, s.trust), http.MethodDelete, "/v1/tokens/"+asked.ID, admin.Clone(), ""); reply.StatusCode != http.StatusNoContent {
				t.Error(reply.Status)
			}
			return begun
		}},
		{"in the file", settle("written", written.Secret), func() time.Time {
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
	} {
		select { // all are served for a while
		case e := <-way.endings:
			t.Errorf("%s ends before its time: %v", e.protocol, e.err)
		case <-time.After(500 * time.Millisecond):
			withdrawn(t, way.name, way.end(), way.endings)
		}
	}
	// Whoever has not come in before his time is over needs more of it.
	for patience, n := 3*time.Second, 0; ; patience, n = 2*patience, n+1 {
		expires := time.Now().Add(patience).Truncate(time.Second)
		token := raw(t, jwt.SigningMethodES256, i.ec, `{"alg":"ES256","kid":"e"}`, payload(map[string]any{"exp": expires.Unix()}))
		endings, err := s.settle(ctx, t, fmt.Sprint("expires", n), token)
		if err == nil && time.Until(expires) > 100*time.Millisecond {
			withdrawn(t, "by time", expires, endings)
			break
		}
		if patience > time.Minute {
			t.Fatal(err)
		}
	}
}

// withdrawn waits for the ends of those whose credential was taken away at a time.
func withdrawn(t *testing.T, how string, at time.Time, endings <-chan ending) {
	t.Helper()
	var figures []string
	for range protocols {
		e := <-endings
		after := e.at.Sub(at).Round(10 * time.Millisecond)
		figures = append(figures, fmt.Sprintf("%s=%v", e.protocol, after))
		if e.err != nil || after < 0 || after > 5*time.Second {
			t.Errorf("%s, %s: ends after %v: %v", how, e.protocol, after, e.err)
		}
	}
	slices.Sort(figures)
	t.Logf("FIGURE access withdrawn %s: %s", how, strings.Join(figures, " "))
}
