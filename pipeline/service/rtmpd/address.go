package rtmpd

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"weir/pipeline"
)

// address is where a publisher wants to, and what it shows for that.
type address struct {
	path       string
	key, query pipeline.Secret
}

// parseAddress finds the path and the key of a publish request in what encoders
// make of "rtmp://host/live/studio?key=K". Some put the query behind the stream
// name, some behind the app; users paste slashes, blanks and a "?key=K" alone.
// Where there is more than one key, or query, the one nearest to the end counts.
func parseAddress(app, tcURL, name string) (address, error) {
	app, appQuery, appKey := cutQuery(app)
	_, urlQuery, urlKey := cutQuery(tcURL)
	name = strings.TrimSpace(name)
	if strings.HasPrefix(name, "key=") {
		name = "?" + name
	}
	name, nameQuery, nameKey := cutQuery(name)
	for _, prefix := range []string{"mp4:", "flv:", "mp3:", "f4v:"} { // as ffmpeg and Flash name files
		name = strings.TrimPrefix(name, prefix)
	}
	k := firstOf(nameKey, appKey, urlKey)
	segs := segments(app)
	if len(segs) < 2 || k == "" || name != k { // else a key that was given twice, once in place of a name
		segs = append(segs, segments(name)...)
	}
	path := strings.Join(segs, "/")
	if path == "" {
		return address{}, errors.New("the address names no stream: publish to app/name")
	}
	if err := pipeline.ValidPath(path); err != nil {
		return address{}, fmt.Errorf("the stream's address is not valid: %w", err)
	}
	return address{path, pipeline.NewSecret(k), pipeline.NewSecret(firstOf(nameQuery, appQuery, urlQuery))}, nil
}

// segments splits at slashes, of which there may be too many. "_definst_" is the
// default instance of an app in Adobe's servers, and no name.
func segments(s string) []string {
	return slices.DeleteFunc(strings.Split(s, "/"), func(seg string) bool { return seg == "" || seg == "_definst_" })
}

// cutQuery splits s at its first "?" and finds the key in the query. A "+" stays
// what it is: keys are pasted, not encoded as forms are.
func cutQuery(s string) (rest, query, key string) {
	rest, query, _ = strings.Cut(strings.TrimSpace(s), "?")
	for part := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == '?' }) {
		v, ok := strings.CutPrefix(part, "key=")
		if !ok {
			continue
		}
		// A URL may be appended to: app?key=K/name.
		if u, err := url.PathUnescape(v); err == nil {
			v = u
		}
		key = strings.TrimSpace(v)
	}
	return rest, query, key
}

func firstOf(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}
