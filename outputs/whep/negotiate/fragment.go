package negotiate

import (
	"strings"
)

// Fragment is what a viewer trickles (RFC 8840 section 9).
type Fragment struct {
	// Ufrag is the ice-ufrag that the candidates are of; "" if it is not said. One
	// that differs from the session's is an ICE restart.
	Ufrag string
	// Candidates is how many there are. Their addresses are of no use to an ICE-lite
	// endpoint, which learns them from the checks that it answers.
	Candidates int
}

// ParseFragment reads a fragment. The errors wrap ErrMalformed or ErrUnsupported.
func ParseFragment(body []byte) (Fragment, error) {
	var f Fragment
	if len(body) > MaxSDP {
		return f, malformed("more than %d bytes", MaxSDP)
	}
	lines := 0
	for line := range strings.SplitSeq(string(body), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			continue
		}
		lines++
		if len(line) < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z' {
			return f, malformed("%s", clip(line))
		}
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "a=candidate":
			f.Candidates++
		case "a=ice-ufrag":
			if !iceChars(value, 4) {
				return f, malformed("ice-ufrag")
			}
			if f.Ufrag != "" && f.Ufrag != value {
				return f, unsupported("two values of ice-ufrag")
			}
			f.Ufrag = value
		}
	}
	switch {
	case lines == 0:
		return f, malformed("no line")
	case f.Candidates > maxCandidates:
		return f, unsupported("more than %d candidates", maxCandidates)
	}
	return f, nil
}

// Restarted is the fragment that answers an ICE restart: new credentials and all
// candidates (RFC 9725 section 4.3.3).
func Restarted(ufrag, password string, all []string) []byte {
	var b strings.Builder
	b.WriteString("a=ice-lite\r\na=ice-ufrag:" + ufrag + "\r\na=ice-pwd:" + password + "\r\n")
	for _, c := range all {
		b.WriteString("a=candidate:" + c + "\r\n")
	}
	b.WriteString("a=end-of-candidates\r\n")
	return []byte(b.String())
}
