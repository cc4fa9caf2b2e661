package config

import (
	"strings"
	"testing"
)

func TestAutoTLS(t *testing.T) {
	for _, c := range []struct {
		tls  TLS
		want string
	}{
		{TLS{}, ""},
		{TLS{Auto: AutoTLS{Domains: []string{"live.example.net"}, Storage: "tls"}}, ""},
		{TLS{Auto: AutoTLS{Domains: []string{"a.example"}, Storage: "tls", CA: "https://ca.example/dir"}}, ""},
		{TLS{Cert: "a", Key: "b", Auto: AutoTLS{Domains: []string{"a.example"}, Storage: "tls"}}, "either"},
		{TLS{Auto: AutoTLS{Domains: []string{"a.example"}}}, "needs a name"},
		{TLS{Auto: AutoTLS{Domains: []string{"a.example"}, Storage: "tls", CA: "http://ca.example"}}, "no https URL"},
		{TLS{Auto: AutoTLS{Domains: []string{"https://a.example"}, Storage: "tls"}}, "no public domain name"},
		{TLS{Auto: AutoTLS{Domains: []string{"A.example"}, Storage: "tls"}}, "no public domain name"},
		{TLS{Auto: AutoTLS{Domains: []string{"localhost"}, Storage: "tls"}}, "no public domain name"},
		{TLS{Auto: AutoTLS{Domains: []string{"192.0.2.1"}, Storage: "tls"}}, "no public domain name"},
		{TLS{Auto: AutoTLS{Domains: []string{strings.Repeat("a.", 127) + "example"}, Storage: "tls"}}, "no public domain name"},
	} {
		err := c.tls.validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.tls, err, c.want)
		}
	}
}
