package record

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"time"

	"weir/pipeline"
	"weir/pipeline/service/store"
)

// field is one {name} or {name:format} of a template.
var field = regexp.MustCompile(`\{([a-z][a-z0-9_]*)(?::([^{}]*))?\}`)

// place is what a template is filled in with.
type place struct {
	stream, session string
	seq             int
	start           time.Time
	vars            map[string]string
}

// expand fills in a template. What it does not know stays as it is.
func expand(template string, p place) string {
	return field.ReplaceAllStringFunc(template, func(text string) string {
		m := field.FindStringSubmatch(text)
		switch name, format := m[1], m[2]; {
		case name == "start" && format == "":
			return p.start.UTC().Format("20060102T150405Z")
		case name == "start":
			return strftime(format, p.start.UTC())
		case format != "":
			return text
		case name == "stream":
			return p.stream
		case name == "session":
			return p.session
		case name == "seq":
			return fmt.Sprintf("%03d", p.seq)
		default:
			if v, ok := p.vars[name]; ok {
				return v
			}
			return text
		}
	})
}

// strftime knows the numbers of a date.
func strftime(format string, t time.Time) string {
	return strings.NewReplacer("%Y", t.Format("2006"), "%m", t.Format("01"), "%d", t.Format("02"), "%H", t.Format("15"),
		"%M", t.Format("04"), "%S", t.Format("05"), "%j", t.Format("002"), "%s", fmt.Sprint(t.Unix()), "%%", "%").Replace(format)
}

// checkTemplate says what is wrong with a template, as far as that does not depend on
// the pipeline's variables.
func checkTemplate(template string) error {
	vars := make(map[string]string)
	for _, m := range field.FindAllStringSubmatch(template, -1) {
		vars[m[1]] = "x"
	}
	at := place{stream: "live/x", session: newSession(time.Unix(0, 0)), start: time.Unix(0, 0), vars: vars}
	switch got := expand(template, at); {
	case !strings.Contains(template, "{session}"):
		return pipeline.Fieldf("path", "two recordings could have the same place").WithHint("put {session} into it, which is another one each time")
	case !store.ValidKey(got) || len(got) > 400 || strings.ContainsAny(got, "{}%"):
		return pipeline.Fieldf("path", "%q is no place: it would be %q", template, got).
			WithHint(`write "{stream}/{start:%Y/%m/%d/%H%M%S}Z-{session}"`)
	}
	return nil
}

// newSession is a ULID: sorts by time, and is nobody else's.
func newSession(t time.Time) string {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	var b [26]byte
	ms := uint64(t.UnixMilli())
	for i := 9; i >= 0; i-- {
		b[i] = alphabet[ms&31]
		ms >>= 5
	}
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	for i, r := range random {
		b[10+i] = alphabet[r&31]
	}
	return string(b[:])
}
