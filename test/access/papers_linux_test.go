//go:build e2e

package access

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"weir/control/auth/book"
	"weir/control/auth/link"
	"weir/control/auth/password"
	"weir/pipeline/access"
)

// form is how a credential can be shown.
type form uint8

const (
	text    form = iota // as a key, a token or a password
	session             // as the cookie of who is signed in
	linked              // as a link, in the query or in a cookie
	nothing
)

// paper is a credential, and what it is worth at streams live/… and web/…, at show/a, and at
// the API; "" is the way in.
type paper struct {
	kind, state string
	form        form
	text        string
	piece       string // a link as a cookie
	publish     access.Why
	play        access.Why
	read, admin access.Why
	// url and urlPlay are what is said instead of letting in who shows it in a URL, and who
	// wants to play so.
	url, urlPlay access.Why
}

// The states that a credential can be in.
const (
	right        = "right"
	wrong        = "wrong"
	expired      = "expired"
	notYet       = "not yet valid"
	revoked      = "revoked"
	otherStream  = "for another stream"
	otherAction  = "for another action"
	madeUpSecret = "0123456789abcdef0123456789"
)

// pipelineKey is the key that the pipelines declare.
const pipelineKey = "key-of-the-pipeline"

// goodPassword is that of all users.
const goodPassword = "Correct-Horse-7"

// registry makes the papers of a book.
type registry struct {
	book   *book.Book
	papers []paper
}

func (r *registry) add(p paper) { r.papers = append(r.papers, p) }

// bad adds a text that is good for nothing.
func (r *registry) bad(kind, state, secret string) {
	r.add(paper{kind: kind, state: state, text: secret, publish: access.Wrong, play: access.Wrong, read: access.Wrong, admin: access.Wrong})
}

func (r *registry) key(state string, why access.Why, streams string, from, to time.Time) string {
	secret, sum := book.NewSecret(book.KeyPrefix)
	r.book.Keys = append(r.book.Keys, book.Key{ID: book.NewID(), Name: "obs", Sum: sum, Stream: streams, From: from, Expires: to})
	r.add(paper{kind: "publish key", state: state, text: secret, publish: why, play: access.Wrong, read: access.Wrong, admin: access.Wrong})
	return secret
}

func (r *registry) token(scope, state string, streams []string, to time.Time, worth paper) string {
	secret, sum := book.NewSecret(book.TokenPrefix)
	r.book.Tokens = append(r.book.Tokens, book.Token{ID: book.NewID(), Name: scope, Sum: sum, Scopes: []string{scope}, Streams: streams, Expires: to})
	worth.kind, worth.state, worth.text = "token, "+scope, state, secret
	r.add(worth)
	return secret
}

// all makes the same answer for all doors.
func all(why access.Why) paper { return paper{publish: why, play: why, read: why, admin: why} }

// fill writes a book, and all papers but sessions.
func (r *registry) fill(t *testing.T, i *issuer) {
	t.Helper()
	now := time.Now()
	hour, past, never := now.Add(time.Hour), now.Add(-time.Minute), time.Time{}
	const no, bad, old = access.Forbidden, access.Wrong, access.Expired
	here, there := []string{"*/*"}, []string{"other/*"}

	r.add(paper{kind: "pipeline key", state: right, text: pipelineKey, play: bad, read: bad, admin: bad})
	r.bad("pipeline key", wrong, strings.ToUpper(pipelineKey))
	r.bad("pipeline key", wrong, pipelineKey[1:])

	good := r.key(right, "", here[0], never, hour)
	r.bad("publish key", wrong, strings.ToUpper(good))
	r.bad("publish key", wrong, good[:len(good)-1])
	r.bad("publish key", wrong, book.KeyPrefix+madeUpSecret)
	r.bad("publish key", wrong, book.Sum(good)) // what is kept of it
	r.key(expired, old, here[0], never, past)
	r.key(notYet, old, here[0], hour, never)
	r.key(otherStream, no, there[0], never, hour)
	r.key(revoked, bad, here[0], never, hour)
	r.book.Keys = r.book.Keys[:len(r.book.Keys)-1]

	r.token("publish", right, here, hour, paper{play: no, read: no, admin: no})
	r.token("publish", expired, here, past, all(old))
	r.token("publish", otherStream, there, hour, all(no))
	play := r.token("play", right, here, hour, paper{publish: no, read: no, admin: no})
	r.bad("token, play", wrong, play+"a")
	r.bad("token, play", wrong, book.TokenPrefix+madeUpSecret)
	r.token("play", expired, here, past, all(old))
	r.token("play", otherStream, there, hour, all(no))
	r.token("play", revoked, here, hour, all(bad))
	r.book.Tokens = r.book.Tokens[:len(r.book.Tokens)-1]
	r.token("read", right, nil, hour, paper{publish: no, play: no, admin: no})
	r.token("read", expired, nil, past, all(old))
	r.token("read", otherStream, there, hour, paper{publish: no, play: no, admin: no}) // and its lists are empty
	r.token("admin", right, nil, hour, paper{url: no})
	r.token("admin", expired, nil, past, all(old))
	r.token("admin", otherStream, there, hour, paper{publish: no, play: no, admin: no})

	for _, k := range i.kinds() {
		sign := func(state string, worth paper, changes map[string]any) string {
			worth.kind, worth.state, worth.text = k.name, state, raw(t, k.method, k.key, k.header, payload(changes))
			r.add(worth)
			return worth.text
		}
		token := sign(right, paper{read: no, admin: no}, nil)
		r.bad(k.name, wrong, token[:len(token)-8]+"AAAAAAAA")
		r.bad(k.name, wrong, token[:len(token)-1])
		sign(expired, all(old), map[string]any{"exp": now.Unix() - 60})
		sign(notYet, all(bad), map[string]any{"nbf": hour.Unix()})
		sign(otherStream, all(no), map[string]any{"streams": there})
		sign(otherStream, all(no), map[string]any{"streams": []string{}})
		sign(otherAction, paper{publish: no, read: no, admin: no}, map[string]any{"actions": []string{"play"}})
		sign(otherAction, all(no), map[string]any{"actions": []string{}})
		sign("right, and for long", paper{read: no, admin: no, urlPlay: no}, map[string]any{"exp": hour.Unix()})
		sign("right, of an operator", paper{publish: no, play: no, admin: no}, map[string]any{"actions": []string{"operate"}})
	}
	for name, token := range i.confused(t) {
		r.bad("JWT", name, token)
	}

	r.book.Resign(now)
	signer, lost := *r.book.Newest(), book.Signer{ID: "lost", Secret: []byte(madeUpSecret)}
	linkTo := func(state string, play access.Why, secret []byte, id, path string, to time.Time, ip netip.Addr, change ...string) {
		l := link.Sign(secret, id, path, to, ip)
		edit := strings.NewReplacer(change...).Replace
		p := paper{kind: "link", state: state, form: linked, text: edit(l.Query()), publish: access.Missing, play: play, read: access.Missing, admin: access.Missing}
		if !strings.HasSuffix(path, "/") {
			p.piece = edit(l.Piece())
		}
		r.add(p)
	}
	linkTo(right, "", signer.Secret, signer.ID, "show/a", hour, netip.Addr{})
	linkTo("right, to a folder", "", signer.Secret, signer.ID, "show/", hour, netip.Addr{})
	linkTo(expired, old, signer.Secret, signer.ID, "show/a", past, netip.Addr{})
	linkTo(wrong, bad, signer.Secret, signer.ID, "show/a", hour, netip.Addr{}, fmt.Sprint(hour.Unix()), fmt.Sprint(hour.Unix()+60))
	linkTo(wrong, bad, signer.Secret, signer.ID, "show/a", hour, netip.MustParseAddr("203.0.113.200"))
	linkTo(revoked, bad, lost.Secret, lost.ID, "show/a", hour, netip.Addr{})
	linkTo(otherStream, bad, signer.Secret, signer.ID, "show/b", hour, netip.Addr{})
	linkTo(otherStream, bad, signer.Secret, signer.ID, "show/A", hour, netip.Addr{})
	linkTo(otherStream, bad, signer.Secret, signer.ID, "sho/", hour, netip.Addr{})
	linkTo(otherStream, bad, signer.Secret, signer.ID, "other/", hour, netip.Addr{})

	for name, streams := range map[string][]string{"root": nil, "reader": nil, "stranger": there, "leaver": nil} {
		hash, err := password.NewHasher(1).Hash(t.Context(), goodPassword)
		if err != nil {
			t.Fatal(err)
		}
		scope := "read"
		if name == "root" {
			scope = "admin"
		}
		r.book.Users = append(r.book.Users, book.User{Name: name, Hash: hash, Scope: scope, Streams: streams})
	}
}

// signIn adds the sessions of the users.
func (r *registry) signIn(t *testing.T, s *server) {
	t.Helper()
	in := func(user string) string {
		reply := s.ask(t, client(elsewhere, s.trust), http.MethodPost, "/v1/session", nil, fmt.Sprintf(`{"user":%q,"password":%q}`, user, goodPassword))
		for _, c := range reply.Cookies() {
			return c.Value
		}
		t.Fatalf("%s cannot sign in: %s", user, reply.Status)
		return ""
	}
	const no, none = access.Forbidden, access.Missing
	root := in("root")
	r.add(paper{kind: "session, admin", state: right, form: session, text: root})
	r.bad("session, admin", "as a token", root)
	r.add(paper{kind: "session, admin", state: wrong, form: session, text: root[1:], publish: none, play: none, read: none, admin: none})
	r.add(paper{kind: "session, read", state: right, form: session, text: in("reader"), publish: no, admin: no})
	r.add(paper{kind: "session, read", state: otherStream, form: session, text: in("stranger"), publish: no, play: no, admin: no})
	gone := in("leaver")
	s.ask(t, client(elsewhere, s.trust), http.MethodDelete, "/v1/session", http.Header{"Cookie": {"weir_session=" + gone}}, "")
	r.add(paper{kind: "session, read", state: revoked, form: session, text: gone, publish: none, play: none, read: none, admin: none})
}

// ask sends a request, and reads what is answered.
func (s *server) ask(t *testing.T, c *http.Client, method, path string, header http.Header, body string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://"+elsewhere+":"+s.http+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	if body != "" && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	reply, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	read, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	reply.Body = io.NopCloser(strings.NewReader(string(read)))
	return reply
}
