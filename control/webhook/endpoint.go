package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"weir/control/observe"
	"weir/pipeline"
)

// Endpoint is where events are sent. It is never changed.
type Endpoint struct {
	// ID names it and stays the same over restarts.
	ID     string
	URL    string
	Secret pipeline.Secret
	// Events are patterns for types of events, Streams for paths of streams, both as of
	// package path; none is all. Events that are about no stream go to who wants all.
	Events, Streams []string
	Disabled        bool
	// Declared endpoints stand in the configuration file, the others were added.
	Declared bool
}

// Bounds of an endpoint.
const (
	maxURL      = 2048
	maxPatterns = 64
	maxPattern  = 512
)

// invalidError says what is wrong with an endpoint.
type invalidError string

func (i invalidError) Error() string { return string(i) }

// check says what is wrong with an endpoint, as an invalidError.
func (e *Endpoint) check() error {
	u, err := url.Parse(e.URL)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.Fragment != "", len(e.URL) > maxURL:
		return invalidError("the url is none such as https://example.net/hooks/weir")
	case len(e.Events) > maxPatterns || len(e.Streams) > maxPatterns:
		return invalidError(fmt.Sprintf("there are more than %d patterns", maxPatterns))
	}
	for _, p := range slices.Concat(e.Events, e.Streams) {
		if _, err := path.Match(p, ""); err != nil || p == "" || len(p) > maxPattern {
			return invalidError(fmt.Sprintf("%q is no pattern such as output.* or live/*", p))
		}
	}
	_, err = keyOf(e.Secret)
	return err
}

// wants says whether an event is for the endpoint.
func (e *Endpoint) wants(kind, stream string) bool {
	if e.Disabled {
		return false
	}
	if len(e.Events) > 0 && !slices.ContainsFunc(e.Events, func(p string) bool { return observe.Matches(p, kind) }) {
		return false
	}
	return len(e.Streams) == 0 || stream != "" && slices.ContainsFunc(e.Streams, func(p string) bool { return observe.Matches(p, stream) })
}

// shown is the URL without what may be secret in it.
func (e *Endpoint) shown() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	if u.User != nil {
		u.User = url.User(pipeline.Redacted)
	}
	if u.RawQuery != "" {
		q := u.Query()
		for name := range q {
			q[name] = []string{pipeline.Redacted}
		}
		u.RawQuery = q.Encode()
	}
	return strings.ReplaceAll(u.String(), url.QueryEscape(pipeline.Redacted), pipeline.Redacted)
}

// Declare gives the endpoints of a file their IDs, which depend on their URLs.
func Declare(all []Endpoint) []Endpoint {
	out := slices.Clone(all)
	seen := make(map[string]int)
	for i := range out {
		e := &out[i]
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d", e.URL, seen[e.URL]))
		seen[e.URL]++
		e.ID, e.Declared = "file-"+hex.EncodeToString(sum[:6]), true
	}
	return out
}
