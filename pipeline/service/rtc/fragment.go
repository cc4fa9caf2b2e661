package rtc

import (
	"bytes"
	"strings"
)

// Fragment is a checked SDP fragment of a PATCH (RFC 8840 section 9).
type Fragment struct {
	// Candidates is how many the peer has added.
	Candidates int

	credentials credentials // may be empty
}

// ParseFragment checks a fragment. Any error is a *[Refusal].
func ParseFragment(text []byte) (*Fragment, error) {
	if len(text) > MaxSDP {
		return nil, refuse(Malformed, "The fragment has %d bytes; at most %d are allowed.", len(text), MaxSDP)
	}
	f := &Fragment{}
	media, lines := 0, 0
	for raw := range bytes.Lines(text) {
		line := strings.TrimRight(string(raw), "\r\n")
		if line == "" {
			continue
		}
		lines++
		kind, value, ok := strings.Cut(line, "=")
		switch {
		case !ok || len(kind) != 1:
			return nil, refuse(Malformed, "The fragment's line %d is no SDP.", lines)
		case kind == "m":
			media++
		case kind == "a":
			if err := f.attribute(value); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case lines == 0:
		return nil, refuse(Malformed, "The fragment is empty.")
	case media > maxMedia:
		return nil, refuse(Malformed, "The fragment has %d media; at most %d are allowed.", media, maxMedia)
	case f.Candidates > maxCandidates:
		return nil, refuse(Malformed, "The fragment has %d candidates; at most %d are allowed.", f.Candidates, maxCandidates)
	case f.credentials != credentials{}:
		return f, f.credentials.check()
	}
	return f, nil
}

func (f *Fragment) attribute(value string) error {
	key, value, _ := strings.Cut(value, ":")
	var to *string
	switch key {
	case "candidate":
		f.Candidates++
		return nil
	case "ice-ufrag":
		to = &f.credentials.ufrag
	case "ice-pwd":
		to = &f.credentials.pwd
	default:
		return nil
	}
	if *to != "" && *to != value {
		return refuse(Malformed, "The fragment has more than one a=%s.", key)
	}
	*to = value
	return nil
}
