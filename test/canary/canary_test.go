package canary

import (
	"encoding/base64"
	"testing"
)

func TestIn(t *testing.T) {
	s := make(Secrets)
	s.Of("one")
	s["other"] = "a&b=c d:0123456789"
	for text, want := range map[string]int{
		"":                              0,
		"cnry_one_":                     0,
		"before " + s["one"] + " after": 1,
		s["one"] + s["other"]:           2,
		"?x=a%26b%3Dc+d%3A0123456789&":  1,
		base64.StdEncoding.EncodeToString([]byte(s["one"])):                     1,
		base64.StdEncoding.EncodeToString([]byte("u:" + s["one"])):              1,
		base64.RawURLEncoding.EncodeToString([]byte("ab:" + s["one"] + "more")): 1,
		base64.StdEncoding.EncodeToString([]byte("abc:" + s["other"])):          1,
	} {
		if found := s.In(text); len(found) != want {
			t.Errorf("in %q: %q", text, found)
		}
	}
}
