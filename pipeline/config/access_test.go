package config

import (
	"errors"
	"strings"
	"testing"
	"time"

	"weir/pipeline"
)

func TestAccess(t *testing.T) {
	const hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzYWx0$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for name, c := range map[string]struct {
		change func(*Access)
		field  string // "" is none
	}{
		"default":         {func(*Access) {}, ""},
		"user":            {func(a *Access) { a.Users = []User{{Name: "ann", Hash: pipeline.NewSecret(hash), Scope: "admin"}} }, ""},
		"user's password": {func(a *Access) { a.Users = []User{{Name: "ann", Hash: pipeline.NewSecret("secret"), Scope: "admin"}} }, "access.users"},
		"nobody":          {func(a *Access) { a.Users = []User{{Hash: pipeline.NewSecret(hash), Scope: "admin"}} }, "access.users"},
		"proxy":           {func(a *Access) { a.Proxies = []string{"10.0.0.0/8", "::1"} }, ""},
		"proxy's name":    {func(a *Access) { a.Proxies = []string{"proxy"} }, "access.proxies"},
		"deny":            {func(a *Access) { a.Deny = []string{"10.0.0.0/33"} }, "access.deny"},
		"session":         {func(a *Access) { a.SessionIdle = time.Second }, "access.session_idle"},
		"keys":            {func(a *Access) { a.JWT.URL = pipeline.NewSecret("https://id.example.net/keys") }, ""},
		"keys here":       {func(a *Access) { a.JWT.URL = pipeline.NewSecret("http://127.0.0.1:9000/keys") }, ""},
		"keys in clear":   {func(a *Access) { a.JWT.URL = pipeline.NewSecret("http://id.example.net/keys") }, "access.jwt.url"},
		"two sources": {func(a *Access) {
			a.JWT.URL, a.JWT.File = pipeline.NewSecret("https://id.example.net/keys"), "keys.json"
		}, "access.jwt"},
		"short secret": {func(a *Access) { a.JWT.Secret = pipeline.NewSecret("short") }, "access.jwt.secret"},
		"no audience":  {func(a *Access) { a.JWT.File, a.JWT.Audience = "keys.json", "" }, "access.jwt.audience"},
		"hook":         {func(a *Access) { a.Hook.URL = pipeline.NewSecret("http://127.0.0.1:9000/auth") }, ""},
		"hook's URL":   {func(a *Access) { a.Hook.URL = pipeline.NewSecret("127.0.0.1:9000/auth") }, "access.hook.url"},
		"hook's time": {func(a *Access) {
			a.Hook.URL, a.Hook.Timeout = pipeline.NewSecret("http://127.0.0.1:9000/auth"), time.Hour
		}, "access.hook.timeout"},
		"quota":          {func(a *Access) { a.Quotas = []Quota{{Streams: "acme/*", Publish: 2}} }, ""},
		"nobody's quota": {func(a *Access) { a.Quotas = []Quota{{Publish: 2}} }, "access.quotas"},
	} {
		s := DefaultServer()
		c.change(&s.Access)
		err := s.Validate()
		var fe *pipeline.FieldError
		if c.field == "" && err != nil || c.field != "" && (!errors.As(err, &fe) || fe.Field != c.field) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "short\"") {
			t.Errorf("%s: a secret is shown: %v", name, err)
		}
	}
}

// What the environment cannot hold is a problem and no crash.
func TestListsOfEntriesAreNotInTheEnvironment(t *testing.T) {
	env := func(name string) (string, bool) { return "1", name == "WEIR_SERVER__ACCESS__QUOTAS" }
	if _, problems := Load([]byte("pipelines: {}\n"), "a.yaml", testRegistry(t), env); !strings.Contains(problems.Error(), "WEIR_SERVER__ACCESS__QUOTAS") {
		t.Error(problems)
	}
}
