package bundle

import (
	"encoding/json"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"weir/pipeline"
)

// Scrubber takes what is secret out of texts.
type Scrubber struct{ known *strings.Replacer }

// shortest is the length of a secret from which on it is searched for: a shorter one is
// part of too many words.
const shortest = 4

// NewScrubber knows some secrets.
func NewScrubber(secrets ...string) *Scrubber {
	var forms []string
	for _, s := range secrets {
		if len(s) < shortest {
			continue
		}
		quoted, _ := json.Marshal(s) // a text has a form in JSON
		forms = append(forms, s, url.PathEscape(s), url.QueryEscape(s), strings.Trim(string(quoted), `"`))
	}
	// The longest first, so that of one that holds another nothing stays.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, f := range slices.Compact(forms) {
		pairs = append(pairs, f, pipeline.Redacted)
	}
	return &Scrubber{strings.NewReplacer(pairs...)}
}

const secretName = `[A-Za-z0-9_-]*(?:key|keys|secret|token|password|passphrase|passwd|cookie|credential|streamid)`

var (
	// quotedValue is a text in quotes behind a name that sounds secret; the quotes may be
	// those of JSON in a text of JSON.
	quotedValue = regexp.MustCompile(`(?i)(` + secretName + `\\?["']?\s*[:=]\s*\\?")((?:[^"\\]|\\[^"])+)`)
	// bareValue is the same without quotes, as logs and YAML have it.
	bareValue = regexp.MustCompile(`(?i)(\b` + secretName + `(?:=|:[ \t]+))([^\s"'\\,;&}\[{]+)`)
	// header is what an Authorization header has.
	header = regexp.MustCompile(`(?i)\b(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]{6,}`)
)

// Text is a text without what is secret.
func (s *Scrubber) Text(text string) string {
	text = s.known.Replace(text)
	var out strings.Builder
	out.Grow(len(text))
	for line := range strings.Lines(text) {
		out.WriteString(scrub(line))
	}
	return out.String()
}

// suspicious are parts of words without which a line holds nothing to hide; looking for
// them is a hundred times cheaper than matching.
func suspicious() []string {
	return []string{"://", "key", "secret", "token", "passw", "passphrase", "cookie", "credential", "streamid", "bearer", "basic"}
}

func scrub(text string) string {
	lower := strings.ToLower(text)
	if !slices.ContainsFunc(suspicious(), func(part string) bool { return strings.Contains(lower, part) }) {
		return text
	}
	text = pipeline.RedactURLs(text)
	text = header.ReplaceAllString(text, "${1}${2}"+pipeline.Redacted)
	text = quotedValue.ReplaceAllString(text, "${1}"+pipeline.Redacted)
	return bareValue.ReplaceAllString(text, "${1}"+pipeline.Redacted)
}

// Secrets lists the texts of all secrets in values.
func Secrets(values ...any) []string {
	var found []string
	for _, v := range values {
		found = collect(found, reflect.ValueOf(v), 0)
	}
	return found
}

// deepest bounds how deep values are nested.
const deepest = 32

func collect(found []string, v reflect.Value, depth int) []string {
	if depth > deepest || !v.IsValid() || !v.CanInterface() {
		return found
	}
	if s, ok := v.Interface().(pipeline.Secret); ok {
		if s.Empty() {
			return found
		}
		return append(found, s.Reveal())
	}
	for _, part := range parts(v) {
		found = collect(found, part, depth+1)
	}
	return found
}

// parts are the values that a value holds.
func parts(v reflect.Value) (all []reflect.Value) {
	switch v.Kind() { //nolint:exhaustive // the others hold nothing
	case reflect.Pointer, reflect.Interface:
		all = append(all, v.Elem()) // of nil, no value
	case reflect.Struct:
		for _, field := range v.Fields() {
			all = append(all, field)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			all = append(all, v.Index(i))
		}
	case reflect.Map:
		for i := v.MapRange(); i.Next(); {
			all = append(all, i.Value())
		}
	}
	return all
}
