package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"weir/pipeline"
)

// Webhook is a program that is told what happens.
type Webhook struct {
	URL    pipeline.Secret `yaml:"url" doc:"Where events are sent by POST, signed as Standard Webhooks say."`
	Secret pipeline.Secret `yaml:"secret" doc:"What they are signed with: whsec_ and behind it 24 to 64 bytes in base64."`
	// Events and Streams are patterns of package path.
	Events  []string `yaml:"events" doc:"Which types of events it gets, such as stream.started or output.*; all if there is none."`
	Streams []string `yaml:"streams" doc:"Of which streams, such as live/*; all if there is none."`
}

func (w *Webhook) validate(name string) error {
	var errs []error
	u, err := url.Parse(w.URL.Reveal())
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Fragment != "" || len(w.URL.Reveal()) > 2048 {
		errs = append(errs, pipeline.Fieldf(name+".url", "this is no URL to send events to").WithHint("write https://example.net/hooks/weir"))
	}
	text, ok := strings.CutPrefix(w.Secret.Reveal(), "whsec_")
	if key, err := base64.StdEncoding.DecodeString(text); !ok || err != nil || len(key) < 24 || len(key) > 64 {
		errs = append(errs, pipeline.Fieldf(name+".secret", "a webhook's secret is whsec_ and 24 to 64 bytes in base64").
			WithHint("make one by: echo whsec_$(openssl rand -base64 32)"))
	}
	for field, patterns := range map[string][]string{"events": w.Events, "streams": w.Streams} {
		for i, p := range patterns {
			if _, err := path.Match(p, ""); err != nil || p == "" {
				errs = append(errs, pipeline.Fieldf(fmt.Sprintf("%s.%s[%d]", name, field, i), "%q is no pattern", p).WithHint("write output.* or live/*"))
			}
		}
	}
	return errors.Join(errs...)
}

func validWebhooks(all []Webhook) error {
	errs := make([]error, len(all))
	for i := range all {
		errs[i] = all[i].validate(fmt.Sprintf("webhooks[%d]", i))
	}
	return errors.Join(errs...)
}
