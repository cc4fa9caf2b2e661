//go:build e2e

package access

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"weir/cmd/load/peer"
	"weir/control/auth/book"
	"weir/pipeline/access"
	"weir/pipeline/service/rtmpd"
)

// tenant is somebody with a token to publish and to play, and what he is told.
type tenant struct {
	s     *server
	token string
	http  *http.Client
}

// newTenant comes from an address, by which players of HLS are told apart.
func newTenant(t *testing.T, b *book.Book, name, from string, scopes ...string) *tenant {
	t.Helper()
	secret, sum := book.NewSecret(book.TokenPrefix)
	b.Tokens = append(b.Tokens, book.Token{ID: book.NewID(), Name: name, Sum: sum, Scopes: scopes, Expires: time.Now().Add(time.Hour)})
	return &tenant{token: secret, http: client(from, nil)}
}

// ask is what a request is answered: a problem's code and detail, or the text.
func (c *tenant) ask(t *testing.T, method, path, body string) (status int, code, said string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://"+elsewhere+":"+c.s.http+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", map[bool]string{true: "application/sdp", false: "application/json"}[strings.HasPrefix(body, "v=0")])
	c.http.Transport.(*http.Transport).TLSClientConfig = c.s.trust
	reply, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	var problem struct{ Code, Detail string }
	_ = json.Unmarshal(text, &problem) // else it is none
	if reply.StatusCode == http.StatusTooManyRequests && !strings.HasPrefix(path, "/v1/") && reply.Header.Get("Retry-After") == "" {
		t.Errorf("%s %s: it is not said when to come again", method, path)
	}
	if problem.Code == "" {
		return reply.StatusCode, "", string(text)
	}
	return reply.StatusCode, problem.Code, problem.Detail
}

// publish comes by RTMP.
func (c *tenant) publish(t *testing.T, stream string) (*rtmpd.Client, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	p, err := rtmpd.Dial(ctx, "rtmp://"+elsewhere+":"+c.s.rtmp+"/live/"+stream+"?key="+url.QueryEscape(c.token), rtmpd.DialOptions{})
	if err == nil {
		t.Cleanup(func() { _ = p.Close() })
	}
	return p, err //nolint:wrapcheck // it is looked at
}

// refusedAt wants a tenant to be told at doors that the quota is used up, and of what.
func (c *tenant) refusedAt(t *testing.T, when, why string, doors ...string) {
	t.Helper()
	for _, door := range doors {
		said := ""
		if door == "rtmp" {
			_, err := c.publish(t, "more")
			if told := new(rtmpd.StatusError); errors.As(err, &told) && told.Code == rtmpd.CodeDenied {
				said = told.Text
			}
		} else {
			method, path, body := http.MethodPost, "/web/more/whip", offer(t, false)
			switch door {
			case "whep":
				path, body = "/show/a/whep", offer(t, true)
			case "hls":
				method, path, body = http.MethodGet, "/show/a/index.m3u8", ""
			}
			status, code, detail := c.ask(t, method, path, body)
			if status == http.StatusTooManyRequests && code == string(access.Limited) {
				said = detail
			} else {
				t.Errorf("%s, by %s: %d %s", when, door, status, code)
			}
		}
		if !strings.HasPrefix(said, "The quota is used up: "+why) {
			t.Errorf("%s, by %s: is told %q", when, door, said)
		}
	}
}

// session comes by WebRTC, and stays.
func (c *tenant) session(t *testing.T, path string, to peer.Direction) *peer.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	d, err := peer.NewDialer()
	if err != nil {
		t.Fatal(err)
	}
	d.Bearer = c.token
	d.Trust(c.s.trust)
	p, err := d.Dial(ctx, "https://"+elsewhere+":"+c.s.http+path, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Leave(context.WithoutCancel(t.Context()))
		d.Close()
	})
	return p
}

// stays keeps a session until ctx ends. A publisher sends sound; of a viewer it returns how
// many packets have come, and how many have not.
func stays(ctx context.Context, p *peer.Session, publishes bool) (came, missing int, err error) {
	next := make(map[uint32]uint16)
	b := make([]byte, 1500)
	for n := uint32(0); ctx.Err() == nil; n++ {
		if n%50 == 0 {
			_ = p.Consent()
		}
		if publishes {
			if err := speak(p, n); err != nil {
				return 0, 0, err
			}
		}
		_ = p.Conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		for err = nil; err == nil; {
			size := 0
			if size, err = p.Conn.Read(b); err != nil || size < 12 || b[0]>>6 != 2 || b[1] >= 192 && b[1] < 224 {
				continue // no RTP (RFC 5761 section 4)
			}
			ssrc, sequence := binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint16(b[2:])
			if want, known := next[ssrc]; known {
				missing += int(int16(sequence - want))
			}
			next[ssrc] = sequence + 1
			came++
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return came, missing, err
		}
	}
	return came, missing, nil
}

// TestQuotas has a tenant use up what it may have: it is told so by every protocol, those who
// are here stay, and another tenant loses nothing (T15).
func TestQuotas(t *testing.T) {
	t.Parallel()
	var acme, operator, next, heavy, other *tenant
	s := prepare(t, func(b *book.Book) {
		acme = newTenant(t, b, "acme", "198.51.100.21", "publish", "play")
		operator = newTenant(t, b, "acme-operator", "198.51.100.21", "configure")
		heavy = newTenant(t, b, "heavy", "198.51.100.22", "publish", "play")
		other = newTenant(t, b, "other", "198.51.100.23", "publish", "play")
	})
	acme.s, operator.s, heavy.s, other.s = s, s, s, s
	next = &tenant{s, acme.token, client("198.51.100.24", nil)} // of the same tenant
	s.start(t, fmt.Sprintf(`  tls: {cert: %q, key: %q}
  access:
    quotas:
      - {subject: "token:acme*", publishers: 2, viewers: 2, outputs: 1}
      - {subject: "token:heavy", bitrate: 20k}
`, s.dir+"/cert.pem", s.dir+"/key.pem"), flows)

	ctx, leave := context.WithCancel(t.Context())
	type count struct {
		who           string
		came, missing int
		err           error
	}
	counts := make(chan count, 8)
	staying := 0
	stay := func(who string, p *peer.Session, publishes bool) {
		staying++
		go func() {
			came, missing, err := stays(ctx, p, publishes)
			counts <- count{who, came, missing, err}
		}()
	}
	stay("the other viewer", other.session(t, "/show/a/whep", peer.Receive), false)
	stay("the other publisher", other.session(t, "/web/other/whip", peer.Send), true)
	bystander, err := other.publish(t, "other")
	if err != nil {
		t.Fatal(err)
	}

	// Two publish, and two watch.
	first, err := acme.publish(t, "one")
	if err != nil {
		t.Fatal(err)
	}
	stay("a publisher within the quota", acme.session(t, "/web/two/whip", peer.Send), true)
	acme.refusedAt(t, "as the third publisher", "as many publish", "rtmp", "whip")
	stay("a viewer within the quota", acme.session(t, "/show/a/whep", peer.Receive), false)
	watch := func(c *tenant) int {
		status, _, _ := c.ask(t, http.MethodGet, "/show/a/index.m3u8", "")
		return status
	}
	if status := watch(acme); status != http.StatusOK {
		t.Errorf("the second viewer is answered %d", status)
	}
	next.refusedAt(t, "as the third viewer", "as many watch", "hls", "whep")
	if status := watch(acme); status != http.StatusOK {
		t.Errorf("a viewer who is here is answered %d", status)
	}
	for range 20 { // who is refused tries on
		acme.refusedAt(t, "as one of many", "as many", "rtmp", "whip", "whep")
	}
	if status := watch(other); status != http.StatusOK {
		t.Errorf("a viewer of the other tenant is answered %d", status)
	}

	// Who comes back takes over from himself.
	again, err := acme.publish(t, "one")
	if err != nil {
		t.Fatalf("who publishes anew: %v", err)
	}
	<-first.Done()

	// What is sent counts as soon as it is known.
	stay("a viewer of much", heavy.session(t, "/show/a/whep", peer.Receive), false)
	eventually(t, "the bitrate is known", func() bool {
		var list struct {
			Items []struct {
				Subject string
				Bitrate int
			}
		}
		_, _, text := operator.ask(t, http.MethodGet, "/v1/streams/show%2Fa/sessions", "")
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatal(err, text)
		}
		for _, each := range list.Items {
			if each.Subject == "token:heavy" && each.Bitrate > 20_000 {
				return true
			}
		}
		return false
	})
	heavy.refusedAt(t, "above the bitrate", "as much", "rtmp", "whip", "whep", "hls")

	// Who leaves makes room.
	_ = again.Close()
	eventually(t, "there is room for a publisher", func() bool {
		_, err := acme.publish(t, "three")
		return err == nil
	})

	// Outputs are bounded, too.
	add := func(name string) (int, string) {
		status, code, _ := operator.ask(t, http.MethodPost, "/v1/streams/show%2Fa/outputs", fmt.Sprintf(`{"name":%q,"use":"outputs/rtmp","from":"clip","with":{"url":"rtmp://192.0.2.1/app","key":"x"}}`, name))
		return status, code
	}
	if status, code := add("first"); status != http.StatusCreated {
		t.Errorf("the first output: %d %s", status, code)
	}
	if status, code := add("second"); status != http.StatusTooManyRequests || code != "quota_exceeded" {
		t.Errorf("the second output: %d %s", status, code)
	}

	select {
	case <-bystander.Done():
		t.Errorf("the other publisher by RTMP: %v", bystander.Err())
	default:
	}
	leave()
	for range staying {
		c := <-counts
		t.Logf("FIGURE quotas %s: %d packets, %d missing", c.who, c.came, c.missing)
		if c.err != nil || c.missing != 0 || strings.Contains(c.who, "viewer") && c.came == 0 {
			t.Errorf("%s: %d packets, %d missing, %v", c.who, c.came, c.missing, c.err)
		}
	}
}
