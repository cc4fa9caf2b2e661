package config

import (
	"net/url"
	"regexp"

	"weir/pipeline"
)

// AutoTLS says which certificates to get by ACME. It is off without domains.
type AutoTLS struct {
	Domains []string `yaml:"domains" doc:"The names of this server to have certificates for, such as live.example.net. They must lead to this server's port 443."`
	Email   string   `yaml:"email" doc:"An address for the authority to write to when something is wrong."`
	CA      string   `yaml:"ca" doc:"The URL of another ACME authority's directory; Let's Encrypt without it."`
	Storage string   `yaml:"storage" doc:"The directory that keeps keys and certificates."`
}

var domain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`)

// On says whether the listeners speak TLS.
func (t *TLS) On() bool { return t.Cert != "" || len(t.Auto.Domains) > 0 }

func (t *TLS) validate() error {
	switch {
	case t.Cert != "" && len(t.Auto.Domains) > 0:
		return pipeline.Fieldf("tls.auto", "a certificate is either read from files or got automatically").WithHint("remove cert and key, or auto")
	case len(t.Auto.Domains) > 0 && t.Auto.Storage == "":
		return pipeline.Fieldf("tls.auto.storage", "the directory needs a name")
	}
	for _, d := range t.Auto.Domains {
		if !domain.MatchString(d) || len(d) > 253 {
			return pipeline.Fieldf("tls.auto.domains", "%q is no public domain name", d).WithHint("write live.example.net, in small letters and without a port")
		}
	}
	if u, err := url.Parse(t.Auto.CA); t.Auto.CA != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		return pipeline.Fieldf("tls.auto.ca", "%q is no https URL", t.Auto.CA)
	}
	return nil
}
