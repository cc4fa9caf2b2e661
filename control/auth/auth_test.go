package auth

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"weir/control/auth/book"
	"weir/control/auth/password"
	"weir/control/rest"
	"weir/control/rest/resttest"
	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/config"
)

// desk is an Auth with its API.
type desk struct {
	*Auth
	t   testing.TB
	api *rest.API
	log *bytes.Buffer
}

func settings() config.Access { s := config.DefaultServer(); return s.Access }

func open(t testing.TB, change func(*Options)) *desk {
	t.Helper()
	store, err := book.Open("")
	if err != nil {
		t.Fatal(err)
	}
	log := new(bytes.Buffer)
	o := Options{Settings: settings(), Store: store, Log: slog.New(slog.NewTextHandler(log, nil))}
	if change != nil {
		change(&o)
	}
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	a.hasher = password.Light()
	api := rest.New("1", a)
	a.Register(api)
	return &desk{a, t, api, log}
}

// call is a request to the API.
type call struct {
	method, url string
	body        any
	remote      string // "" is another machine
	header      map[string]string
}

const (
	here  = "127.0.0.1:4711"
	there = "192.0.2.7:4711"
)

func (c call) request() *http.Request {
	text, _ := json.Marshal(c.body)
	if c.body == nil {
		text = nil
	}
	r := httptest.NewRequest(c.method, "http://weir.example/v1"+c.url, bytes.NewReader(text))
	r.RemoteAddr, r.Host = there, "weir.example"
	if c.remote != "" {
		r.RemoteAddr = c.remote
	}
	if c.remote == here {
		r.Host = "127.0.0.1:8080"
	}
	if text != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for k, v := range c.header {
		if k == "Host" {
			r.Host = v
			continue
		}
		r.Header.Set(k, v)
	}
	return r
}

// ask is the answer, which is as the document says: its status, its body, and all of it.
func (d *desk) ask(c call) (status int, body map[string]any, w *httptest.ResponseRecorder) {
	d.t.Helper()
	w = httptest.NewRecorder()
	r := c.request()
	d.api.ServeHTTP(w, r)
	resttest.Check(d.t, d.api, r, w)
	_ = json.Unmarshal(w.Body.Bytes(), &body)
	return w.Code, body, w
}

func cookieIn(w *httptest.ResponseRecorder) *http.Cookie {
	for _, c := range w.Result().Cookies() {
		if c.Name == Cookie {
			return c
		}
	}
	return nil
}

const goodPassword = "correct horse"

// setUp makes the user ann and gives the cookie of her session.
func (d *desk) setUp(t testing.TB) string {
	t.Helper()
	status, body, w := d.ask(call{method: "POST", url: "/setup", body: map[string]string{"token": d.SetupToken(), "user": "ann", "password": goodPassword}})
	c := cookieIn(w)
	if status != http.StatusOK || c == nil {
		t.Fatal(status, body)
	}
	return Cookie + "=" + c.Value
}

func with(cookie string) map[string]string { return map[string]string{"Cookie": cookie} }

func bearing(token string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token}
}

func TestSetUp(t *testing.T) {
	d := open(t, nil)
	if !d.SetupNeeded() || len(d.SetupToken()) < 26 {
		t.Fatal("no set-up is needed")
	}
	secret := d.SetupToken()
	try := func(token, password string) (int, any) {
		status, body, _ := d.ask(call{method: "POST", url: "/setup", body: map[string]string{"token": token, "user": "ann", "password": password}})
		return status, body["code"]
	}
	if status, code := try("wrong", goodPassword); status != 401 || code != "credentials_wrong" {
		t.Error(status, code)
	}
	if status, _ := try(secret, "short"); status != 422 || !d.SetupNeeded() {
		t.Error(status)
	}
	// Nobody else may do anything before.
	if status, body, _ := d.ask(call{method: "GET", url: "/users"}); status != 401 || body["code"] != "setup_needed" {
		t.Error(status, body)
	}
	d.setUp(t)
	if d.SetupNeeded() || d.SetupToken() != "" {
		t.Error("the set-up is not over")
	}
	if status, code := try(secret, goodPassword); status != 409 || code != "set_up_already" {
		t.Error(status, code)
	}
}

func TestSessions(t *testing.T) {
	d := open(t, nil)
	d.setUp(t)
	status, body, w := d.ask(call{method: "POST", url: "/session", body: map[string]string{"user": "ann", "password": goodPassword}})
	c := cookieIn(w)
	if status != 200 || body["scope"] != "admin" || c == nil || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.Path != "/" || len(c.Value) < 26 {
		t.Fatal(status, body, c)
	}
	cookie := Cookie + "=" + c.Value
	if status, body, _ := d.ask(call{method: "GET", url: "/session", header: with(cookie)}); status != 200 || body["name"] != "user:ann" {
		t.Error(status, body)
	}
	for _, wrong := range []map[string]string{{"user": "ann", "password": "Correct horse"}, {"user": "Ann", "password": goodPassword}, {"user": "bob", "password": goodPassword}} {
		if status, body, w := d.ask(call{method: "POST", url: "/session", body: wrong}); status != 401 || body["code"] != "credentials_wrong" || cookieIn(w) != nil {
			t.Error(wrong, status, body)
		}
	}
	if status, _, w := d.ask(call{method: "DELETE", url: "/session", header: with(cookie)}); status != 204 || cookieIn(w).MaxAge >= 0 {
		t.Error(status)
	}
	if status, _, _ := d.ask(call{method: "GET", url: "/session", header: with(cookie)}); status != 401 {
		t.Error("a session is still good after signing out", status)
	}
}

func TestCookiesAreSecureBehindTLS(t *testing.T) {
	d := open(t, func(o *Options) { o.Settings.Proxies = []string{"192.0.2.7"} })
	d.setUp(t)
	for forwarded, want := range map[string]bool{"https": true, "http": false} {
		_, _, w := d.ask(call{
			method: "POST", url: "/session", body: map[string]string{"user": "ann", "password": goodPassword},
			header: map[string]string{"X-Forwarded-Proto": forwarded, "X-Forwarded-For": "198.51.100.9"},
		})
		if c := cookieIn(w); c == nil || c.Secure != want {
			t.Error(forwarded, c)
		}
	}
}

// What a browser sends on its own counts only for pages of this server.
func TestOtherSitesGetNothing(t *testing.T) {
	d := open(t, nil)
	for _, h := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"},
	} {
		post := call{method: "POST", url: "/tokens", body: map[string]any{"name": "x", "scopes": []string{"admin"}}, remote: here, header: h}
		if status, body, _ := d.ask(post); status != 403 || body["code"] != "cross_origin" {
			t.Error("this machine", h, status, body)
		}
	}
	cookie := d.setUp(t)
	for _, h := range []map[string]string{{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}} {
		h["Cookie"] = cookie
		if status, _, _ := d.ask(call{method: "DELETE", url: "/users/ann", header: h}); status != 403 {
			t.Error("a session", h, status)
		}
		delete(h, "Cookie")
		if status, _, _ := d.ask(call{method: "POST", url: "/session", header: h, body: map[string]string{"user": "ann", "password": goodPassword}}); status != 403 {
			t.Error("signing in", h, status)
		}
	}
	same := map[string]string{"Cookie": cookie, "Origin": "http://weir.example", "Sec-Fetch-Site": "same-origin"}
	if status, body, _ := d.ask(call{method: "POST", url: "/tokens", header: same, body: map[string]any{"name": "x", "scopes": []string{"read"}}}); status != 201 {
		t.Error(status, body)
	}
}

// Who is this machine is admin until there is a user, and nobody else is it.
func TestThisMachine(t *testing.T) {
	status := func(d *desk, c call) int {
		c.method, c.url = "GET", "/users"
		n, _, _ := d.ask(c)
		return n
	}
	d := open(t, nil)
	for name, c := range map[string]struct {
		call
		want int
	}{
		"this machine":           {call{remote: here}, 200},
		"IPv6":                   {call{remote: "[::1]:9", header: map[string]string{"Host": "[::1]:8080"}}, 200},
		"localhost":              {call{remote: here, header: map[string]string{"Host": "localhost:8080"}}, 200},
		"another":                {call{}, 401},
		"a page's name":          {call{remote: here, header: map[string]string{"Host": "evil.example:8080"}}, 401},
		"a name that looks like": {call{remote: here, header: map[string]string{"Host": "127.0.0.1.evil.example"}}, 401},
		"by a proxy":             {call{remote: here, header: map[string]string{"X-Forwarded-For": "127.0.0.1"}}, 401},
		"by another proxy":       {call{remote: here, header: map[string]string{"Forwarded": "for=127.0.0.1"}}, 401},
		"by nginx":               {call{remote: here, header: map[string]string{"X-Real-IP": "127.0.0.1"}}, 401},
		"another that says so":   {call{header: map[string]string{"X-Forwarded-For": "127.0.0.1", "Host": "127.0.0.1"}}, 401},
	} {
		if got := status(d, c.call); got != c.want {
			t.Errorf("%s: %d", name, got)
		}
	}
	old := call{method: "GET", url: "/users", remote: here}.request()
	old.Proto, old.ProtoMinor = "HTTP/1.0", 0
	if _, err := d.Identify(old); err == nil {
		t.Error("a proxy that speaks HTTP/1.0 is this machine")
	}
	d.setUp(t)
	if got := status(d, call{remote: here}); got != 401 {
		t.Errorf("with a user: %d", got)
	}
	d = open(t, func(o *Options) { o.Settings.Loopback = "admin" })
	d.setUp(t)
	if got := status(d, call{remote: here}); got != 200 {
		t.Errorf("admin: %d", got)
	}
	d = open(t, func(o *Options) { o.Settings.Loopback = "nobody" })
	if got := status(d, call{remote: here}); got != 401 {
		t.Errorf("nobody: %d", got)
	}
}

func TestForwardedAddresses(t *testing.T) {
	l := lists{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	for _, c := range []struct{ remote, forwarded, want string }{
		{"192.0.2.1", "", "192.0.2.1"},
		{"192.0.2.1", "198.51.100.9", "192.0.2.1"},
		{"10.0.0.1", "198.51.100.9", "198.51.100.9"},
		{"10.0.0.1", "127.0.0.1, 198.51.100.9", "198.51.100.9"},
		{"10.0.0.1", "198.51.100.9, 10.0.0.2", "198.51.100.9"},
		{"10.0.0.1", "198.51.100.9:4711", "198.51.100.9"},
		{"::ffff:10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"},
		{"::1", "2001:db8::1", "2001:db8::1"},
		{"10.0.0.1", "unknown", "invalid IP"},
		{"10.0.0.1", "198.51.100.9, nonsense", "invalid IP"},
	} {
		if got := l.peer(netip.MustParseAddr(c.remote), c.forwarded); got.ip.String() != c.want || c.forwarded != "" && got.local {
			t.Errorf("%s for %s: %v", c.remote, c.forwarded, got)
		}
	}
}

func TestAddressLists(t *testing.T) {
	d := open(t, func(o *Options) {
		o.Settings.Allow, o.Settings.Deny = []string{"192.0.2.0/24", "127.0.0.1"}, []string{"192.0.2.9"}
	})
	for remote, want := range map[string]int{"192.0.2.7:1": 401, "192.0.2.9:1": 403, "198.51.100.1:1": 403, here: 200} {
		if got, body, _ := d.ask(call{method: "GET", url: "/users", remote: remote}); got != want {
			t.Error(remote, got, body)
		}
		ip := netip.MustParseAddrPort(remote).Addr()
		_, err := d.Allow(t.Context(), access.Request{Action: access.Play, Path: "live/a", Remote: ip})
		if why := whyOf(err); (want == 403) != (why == access.Forbidden) {
			t.Error(remote, err)
		}
	}
}

func TestUsers(t *testing.T) {
	d := open(t, nil)
	cookie := d.setUp(t)
	admin := with(cookie)
	must := func(want int, c call) map[string]any {
		t.Helper()
		c.header = admin
		status, body, _ := d.ask(c)
		if status != want {
			t.Errorf("%s %s: %d %v", c.method, c.url, status, body)
		}
		return body
	}
	bob := map[string]any{"name": "bob", "password": "battery staple", "scope": "operate", "streams": []string{"live/*"}}
	must(201, call{method: "POST", url: "/users", body: bob})
	must(409, call{method: "POST", url: "/users", body: bob})
	twice := call{method: "POST", url: "/keys", body: map[string]any{"stream": "live/a", "name": "a"}, header: map[string]string{"Cookie": cookie, "Idempotency-Key": "k"}}
	_, first, _ := d.ask(twice)
	if _, again, _ := d.ask(twice); first["secret"] == nil || again["secret"] != first["secret"] {
		t.Errorf("%v, and then %v", first, again)
	}
	must(422, call{method: "POST", url: "/users", body: map[string]any{"name": "eve", "password": "battery staple", "streams": []string{"["}}})
	if items := must(200, call{method: "GET", url: "/users"})["items"].([]any); len(items) != 2 {
		t.Error(items)
	}
	must(409, call{method: "DELETE", url: "/users/ann"}) // the last admin
	must(409, call{method: "PATCH", url: "/users/ann", body: map[string]any{"scope": "read"}})
	must(404, call{method: "DELETE", url: "/users/eve"})

	// A change of his password ends what rests on the old one.
	_, _, w := d.ask(call{method: "POST", url: "/session", body: map[string]string{"user": "bob", "password": "battery staple"}})
	his := Cookie + "=" + cookieIn(w).Value
	pass, err := d.Allow(t.Context(), access.Request{Action: access.Play, Path: "live/a", Remote: elsewhere(), Cookie: pipeline.NewSecret(his)})
	if err != nil || pass.Subject != "user:bob" {
		t.Fatal(err)
	}
	if status, _, _ := d.ask(call{method: "GET", url: "/users", header: with(his)}); status != 403 {
		t.Error("an operator sees users", status)
	}
	must(200, call{method: "PATCH", url: "/users/bob", body: map[string]any{"password": "another one"}})
	if status, _, _ := d.ask(call{method: "GET", url: "/session", header: with(his)}); status != 401 {
		t.Error("the old session is good", status)
	}
	closed(t, pass)
	must(204, call{method: "DELETE", url: "/users/bob"})
	if text := d.log.String(); strings.Contains(text, "battery") || strings.Contains(text, "another one") || !strings.Contains(text, "by=user:ann") {
		t.Error(text)
	}
}

func TestDeclaredUsers(t *testing.T) {
	first := open(t, nil)
	first.setUp(t)
	hash := first.index.Load().users["ann"].Hash
	d := open(t, func(o *Options) {
		o.Settings.Users = []config.User{{Name: "ops", Hash: pipeline.NewSecret(hash), Scope: "admin"}}
	})
	if d.SetupNeeded() {
		t.Error("set-up is needed although there is a user")
	}
	_, _, w := d.ask(call{method: "POST", url: "/session", body: map[string]string{"user": "ops", "password": goodPassword}})
	admin := with(Cookie + "=" + cookieIn(w).Value)
	if status, body, _ := d.ask(call{method: "DELETE", url: "/users/ops", header: admin}); status != 409 || body["code"] != "declared" {
		t.Error(status, body)
	}
}

func TestTokensOfTheAPI(t *testing.T) {
	d := open(t, nil)
	admin := with(d.setUp(t))
	make := func(body map[string]any) (id, secret string) {
		status, got, _ := d.ask(call{method: "POST", url: "/tokens", body: body, header: admin})
		if status != 201 {
			t.Fatal(status, got)
		}
		return got["id"].(string), got["secret"].(string)
	}
	id, secret := make(map[string]any{"name": "ci", "scopes": []string{"play", "admin"}})
	if status, body, _ := d.ask(call{method: "GET", url: "/tokens", header: bearing(secret)}); status != 200 || strings.Contains(toText(body), secret) {
		t.Error(status, body)
	}
	_, reader := make(map[string]any{"name": "reader", "scopes": []string{"read"}})
	_, player := make(map[string]any{"name": "player", "scopes": []string{"play"}})
	_, one := make(map[string]any{"name": "one", "scopes": []string{"operate"}, "streams": []string{"live/a"}})
	for _, c := range []struct {
		token, method, url string
		body               any
		want               int
	}{
		{reader, "GET", "/session", nil, 200},
		{reader, "GET", "/tokens", nil, 403},
		{player, "GET", "/session", nil, 403},
		{one, "POST", "/streams/live%2Fa/links", map[string]any{"expires_seconds": 60}, 201},
		{one, "POST", "/streams/live%2FA/links", map[string]any{"expires_seconds": 60}, 403},
		{one, "POST", "/streams/live%2Fb/links", map[string]any{"expires_seconds": 60}, 403},
		{reader, "POST", "/streams/live%2Fa/links", map[string]any{"expires_seconds": 60}, 403},
		{reader + "x", "GET", "/session", nil, 401},
		{strings.ToUpper(reader), "GET", "/session", nil, 401},
		{"", "GET", "/session", nil, 401},
	} {
		if status, body, _ := d.ask(call{method: c.method, url: c.url, body: c.body, header: bearing(c.token)}); status != c.want {
			t.Errorf("%.12s %s %s: %d %v", c.token, c.method, c.url, status, body)
		}
	}
	// A token that is wrong is not made good by a cookie.
	both := bearing("weirt_wrong")
	both["Cookie"] = admin["Cookie"]
	if status, _, _ := d.ask(call{method: "GET", url: "/session", header: both}); status != 401 {
		t.Error(status)
	}
	if status, _, _ := d.ask(call{method: "DELETE", url: "/tokens/" + id, header: admin}); status != 204 {
		t.Error(status)
	}
	if status, _, _ := d.ask(call{method: "GET", url: "/tokens", header: bearing(secret)}); status != 401 {
		t.Error("a revoked token is good")
	}
	past := map[string]any{"name": "past", "scopes": []string{"read"}, "expires": time.Now().Add(-time.Hour)}
	if status, _, _ := d.ask(call{method: "POST", url: "/tokens", body: past, header: admin}); status != 422 {
		t.Error(status)
	}
}

func toText(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func elsewhere() netip.Addr { return netip.MustParseAddr("192.0.2.7") }

func closed(t *testing.T, p *access.Pass) {
	t.Helper()
	select {
	case <-p.Over:
	default:
		t.Errorf("the pass of %s is not over", p.Subject)
	}
}
