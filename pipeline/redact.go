package pipeline

import (
	"regexp"
	"strings"
)

// address matches a URL in a text up to a space, a quote or a bracket.
var address = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>` + "`" + `]+`)

// RedactURLs hides what may be secret in all URLs of a text: user and password, the
// query, the fragment and, of RTMP, the last element of the path, which mostly is the
// stream key.
func RedactURLs(text string) string {
	return address.ReplaceAllStringFunc(text, redactURL)
}

func redactURL(text string) string {
	scheme, rest, _ := strings.Cut(text, "://")
	out := scheme + "://"
	// A password that nobody has escaped may hold any sign, so that the last @ counts.
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		out, rest = out+Redacted+"@", rest[i+1:]
	}
	tail := ""
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest, tail = rest[:i], rest[i:i+1]+Redacted
	}
	if host, path, found := strings.Cut(rest, "/"); found && strings.HasPrefix(strings.ToLower(scheme), "rtmp") {
		if path = strings.TrimRight(path, "/"); path != "" {
			rest = host + "/" + path[:strings.LastIndexByte(path, '/')+1] + Redacted
		}
	}
	return out + rest + tail
}
