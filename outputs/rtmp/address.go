package rtmp

import (
	"net"
	"net/url"

	"weir/pipeline/platform"
)

// Address is where a target is reached, without its key.
type Address struct {
	Role string // primary or backup
	Host string // name or IP address
	Port string
	TLS  bool
}

// Addresses lists where a valid configuration pushes to.
func (c *Config) Addresses() (all []Address) {
	p, err := platform.Named(c.Preset, c.Presets)
	if err != nil {
		return nil
	}
	primary, backup := c.endpoints(p)
	for _, e := range []endpoint{primary, backup} {
		u, err := url.Parse(e.url)
		if err != nil || u.Hostname() == "" || e.role == "backup" && c.Backup == none {
			continue
		}
		a := Address{Role: e.role, Host: u.Hostname(), Port: u.Port(), TLS: u.Scheme == "rtmps"}
		if a.Port == "" {
			a.Port = map[bool]string{true: "443", false: "1935"}[a.TLS]
		}
		all = append(all, a)
	}
	return all
}

// String is host:port.
func (a Address) String() string { return net.JoinHostPort(a.Host, a.Port) }
