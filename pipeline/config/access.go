package config

import (
	"errors"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"time"

	"weir/pipeline"
)

// Access says who may publish, watch and operate. Users, tokens and keys are not in the
// file, except for those in Users, but where State says.
type Access struct {
	State    string `yaml:"state" doc:"The file that keeps users, tokens and keys. Without it, it is beside the configuration: weir.access.json for weir.yaml."`
	Play     string `yaml:"play" enum:"credentials,anyone" doc:"Who may watch from other machines: whoever has a credential for it, or anyone."`
	Loopback string `yaml:"loopback" enum:"auto,admin,nobody" doc:"What this machine may do without credentials. auto: everything until there is a user, then publish where no key is asked for, and watch; admin: everything; nobody: nothing."`

	Proxies []string `yaml:"proxies" doc:"Addresses and networks of reverse proxies whose X-Forwarded-For header is believed."`
	Allow   []string `yaml:"allow" doc:"Addresses and networks that may come at all; an empty list is all of them."`
	Metrics []string `yaml:"metrics" doc:"Addresses and networks that may read /metrics without credentials, beside this machine; others need the scope read on all streams."`
	Deny    []string `yaml:"deny" doc:"Addresses and networks that may not come, whatever they show."`

	SessionIdle time.Duration `yaml:"session_idle" doc:"After how long without a request somebody must sign in again."`
	SessionMost time.Duration `yaml:"session_most" doc:"After how long somebody must sign in again in any case."`

	Users  []User  `yaml:"users" doc:"Users that are declared here, beside those of the state file."`
	JWT    JWT     `yaml:"jwt" doc:"Tokens that somebody else issues."`
	Hook   Hook    `yaml:"hook" doc:"A service of yours that is asked about whoever shows nothing that is known here."`
	Quotas []Quota `yaml:"quotas" doc:"What a tenant may use at most: whoever comes with some credentials, or some streams."`
}

// User is a user who is declared in the file.
type User struct {
	Name    string          `yaml:"name" doc:"The name to sign in with."`
	Hash    pipeline.Secret `yaml:"hash" doc:"The hash of the password, as weir hash prints it."`
	Scope   string          `yaml:"scope" enum:"read,operate,configure,admin" doc:"What the user may do; each scope includes those before it."`
	Streams []string        `yaml:"streams" doc:"The streams that the user sees, by paths or patterns such as live/*; an empty list is all."`
}

// JWT says which tokens are good. It is off without any keys.
type JWT struct {
	URL      pipeline.Secret `yaml:"url" doc:"The URL of the issuer's JSON Web Key Set, https."`
	File     string          `yaml:"file" doc:"A file with a JSON Web Key Set or with public keys in PEM."`
	Secret   pipeline.Secret `yaml:"secret" doc:"A secret of 32 bytes or more that is shared with the issuer, for HS256, HS384 and HS512."`
	Audience string          `yaml:"audience" doc:"What must be among a token's audiences."`
	Issuer   string          `yaml:"issuer" doc:"What must be a token's issuer; an empty text is any."`
	Leeway   time.Duration   `yaml:"leeway" doc:"How far the issuer's clock may be from this one."`
}

// On says whether tokens are taken.
func (j *JWT) On() bool { return !j.URL.Empty() || j.File != "" || !j.Secret.Empty() }

// Hook is a service that decides. It is off without a URL.
type Hook struct {
	URL     pipeline.Secret `yaml:"url" doc:"Where to ask. An address that is not public must be in server.outgoing.allow, too."`
	Form    string          `yaml:"form" enum:"weir,mediamtx,nginx-rtmp" doc:"In which form: JSON of our own, MediaMTX's authentication request, or nginx-rtmp's on_publish and on_play."`
	Timeout time.Duration   `yaml:"timeout" doc:"How long an answer may take."`
	Cache   time.Duration   `yaml:"cache" doc:"How long an answer is good for the same question."`
	Open    bool            `yaml:"open" doc:"Let everybody in whom nothing else refuses while the service does not answer."`
}

// Quota bounds a tenant. What is 0 is not bounded.
type Quota struct {
	Subject string           `yaml:"subject" doc:"Whose credentials, such as token:acme, user:ann, key:obs, jwt:*; an empty text is everybody's."`
	Streams string           `yaml:"streams" doc:"Which streams, by a path or a pattern such as acme/*; an empty text is all of them."`
	Publish int              `yaml:"publishers" doc:"How many may publish at once."`
	Play    int              `yaml:"viewers" doc:"How many may watch at once."`
	Bitrate pipeline.Bitrate `yaml:"bitrate" doc:"The bitrate of all of them together above which nobody else is let in."`
	Outputs int              `yaml:"outputs" doc:"How many outputs may be added at run time."`
}

func defaultAccess() Access {
	return Access{
		Play: "credentials", Loopback: "auto", SessionIdle: 12 * time.Hour, SessionMost: 7 * 24 * time.Hour,
		JWT:  JWT{Audience: "weir", Leeway: 30 * time.Second},
		Hook: Hook{Form: "weir", Timeout: 2 * time.Second, Cache: 10 * time.Second},
	}
}

func (a *Access) validate() error {
	const shortest, longest = time.Minute, 90 * 24 * time.Hour
	errs := []error{
		validNetworks("access.proxies", a.Proxies), validNetworks("access.allow", a.Allow), validNetworks("access.deny", a.Deny), validNetworks("access.metrics", a.Metrics),
		a.JWT.validate(), a.Hook.validate(),
	}
	if a.SessionIdle < shortest || a.SessionIdle > longest {
		errs = append(errs, pipeline.Fieldf("access.session_idle", "%v is not between %v and %v", a.SessionIdle, shortest, longest))
	}
	if a.SessionMost < shortest || a.SessionMost > longest {
		errs = append(errs, pipeline.Fieldf("access.session_most", "%v is not between %v and %v", a.SessionMost, shortest, longest))
	}
	names := make(map[string]bool)
	for _, u := range a.Users {
		if u.Name == "" || names[u.Name] || u.Scope == "" {
			errs = append(errs, pipeline.Fieldf("access.users", "each user has a name of its own and a scope"))
		}
		if !regexp.MustCompile(`^\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[^$]+\$[^$]+$`).MatchString(u.Hash.Reveal()) {
			errs = append(errs, pipeline.Fieldf("access.users", "the hash of %s is none", u.Name).WithHint("weir hash makes one from a password"))
		}
		names[u.Name] = true
		errs = append(errs, validPatterns("access.users", u.Streams))
	}
	for _, q := range a.Quotas {
		if q.Subject == "" && q.Streams == "" {
			errs = append(errs, pipeline.Fieldf("access.quotas", "a quota is somebody's: say whose by subject or streams"))
		}
		if q.Publish < 0 || q.Play < 0 || q.Outputs < 0 || q.Bitrate < 0 {
			errs = append(errs, pipeline.Fieldf("access.quotas", "a quota is not negative"))
		}
		errs = append(errs, validPatterns("access.quotas", []string{q.Subject, q.Streams}))
	}
	return errors.Join(errs...)
}

func validPatterns(name string, patterns []string) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return pipeline.Fieldf(name, "%q is no pattern", p).WithHint("write live/studio or live/*")
		}
	}
	return nil
}

func validNetworks(name string, texts []string) error {
	for _, s := range texts {
		_, bad := netip.ParsePrefix(s)
		if _, err := netip.ParseAddr(s); err != nil && bad != nil {
			return pipeline.Fieldf(name, "%q is neither an address nor a network", s).WithHint("write 10.0.0.0/8 or 192.168.1.7")
		}
	}
	return nil
}

func (j *JWT) validate() error {
	given := slices.DeleteFunc([]bool{!j.URL.Empty(), j.File != "", !j.Secret.Empty()}, func(is bool) bool { return !is })
	switch {
	case len(given) > 1:
		return pipeline.Fieldf("access.jwt", "the keys come from one place: url, file or secret")
	case len(given) == 0:
		return nil
	case j.Audience == "":
		return pipeline.Fieldf("access.jwt.audience", "tokens must be for this server").WithHint("write the audience that the issuer puts into them")
	case j.Leeway < 0 || j.Leeway > 5*time.Minute:
		return pipeline.Fieldf("access.jwt.leeway", "%v is not between 0s and 5m", j.Leeway)
	case !j.Secret.Empty() && len(j.Secret.Reveal()) < 32:
		return pipeline.Fieldf("access.jwt.secret", "the secret has fewer than 32 bytes").WithHint("openssl rand -hex 32 makes one")
	case !j.URL.Empty():
		return validURL("access.jwt.url", j.URL.Reveal())
	default:
		return nil
	}
}

func (h *Hook) validate() error {
	switch {
	case h.URL.Empty():
		return nil
	case h.Timeout < 50*time.Millisecond || h.Timeout > 3*time.Second: // doors wait no longer
		return pipeline.Fieldf("access.hook.timeout", "%v is not between 50ms and 3s", h.Timeout)
	case h.Cache < 0 || h.Cache > time.Hour:
		return pipeline.Fieldf("access.hook.cache", "%v is not between 0s and 1h", h.Cache)
	}
	u, err := url.Parse(h.URL.Reveal())
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return pipeline.Fieldf("access.hook.url", "this is no URL to ask at").WithHint("write https://auth.example.net/weir")
	}
	return nil
}

// validURL wants https, so that nobody on the way can give other keys; on this machine
// there is no way.
func validURL(name, text string) error {
	u, err := url.Parse(text)
	if err == nil && u.Scheme == "http" {
		if ip, bad := netip.ParseAddr(u.Hostname()); u.Hostname() == "localhost" || bad == nil && ip.IsLoopback() {
			return nil
		}
	}
	if err != nil || u.Host == "" || u.Scheme != "https" {
		return pipeline.Fieldf(name, "this is no https URL").WithHint("write https://id.example.net/.well-known/jwks.json")
	}
	return nil
}
