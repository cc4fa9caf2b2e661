package canary

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Secrets are texts that must be found nowhere, by what they are.
type Secrets map[string]string

// Of makes one that looks like nothing else.
func (s Secrets) Of(what string) string {
	s[what] = "cnry_" + what + "_0123456789abcdefghijklmnop"
	return s[what]
}

// In says which secrets are in a text, and behind what. An answer may have its own.
func (s Secrets) In(text string) (found []string) {
	for what, secret := range s {
		for _, form := range forms(secret) {
			if at := strings.Index(text, form); at >= 0 {
				found = append(found, fmt.Sprintf("%s: …%s…", what, text[max(0, at-120):min(len(text), at+len(form)+40)]))
				break
			}
		}
	}
	slices.Sort(found)
	return found
}

// forms are the ways to write a secret: as it is, in a URL, and within something that is in
// base64, such as user:secret, wherever it begins there.
func forms(secret string) []string {
	all := []string{secret, url.QueryEscape(secret)}
	for before := range 3 {
		whole := base64.StdEncoding.EncodeToString(append(make([]byte, before), secret...))
		own := (len(secret) + before) / 3 * 4 // what is behind depends on what follows
		all = append(all, whole[(before*8+5)/6:own])
	}
	return all
}
