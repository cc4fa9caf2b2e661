package hls

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// query are the delivery directives of a request (rfc8216bis section 6.2.5). All
// other parameters are ignored.
type query struct {
	// block says that the request is for a playlist with the segment msn, or with its
	// part of that index if hasPart.
	block, hasPart bool
	msn, part      uint64
	// skip asks for a delta update.
	skip bool
}

var errDirective = errors.New("delivery directive out of range")

// parseQuery reads a URL's raw query.
func parseQuery(raw string) (query, error) {
	var q query
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if !strings.HasPrefix(pair, "_HLS_") {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		var err error
		switch key {
		case "_HLS_msn":
			q.block = true
			q.msn, err = number(value)
		case "_HLS_part":
			q.hasPart = true
			q.part, err = number(value)
		case "_HLS_skip":
			q.skip = value == "YES" || value == "v2"
		}
		if err != nil {
			return query{}, err
		}
	}
	if q.hasPart && !q.block {
		return query{}, errDirective
	}
	return q, nil
}

// number reads a decimal-integer (RFC 8216 section 4.2) that playlists could hold.
func number(s string) (uint64, error) {
	if s == "" || s[0] == '+' {
		return 0, errDirective
	}
	n, err := strconv.ParseUint(s, 10, 53)
	if err != nil {
		return 0, errDirective
	}
	return n, nil
}

// verdict says what a snapshot has for a request.
type verdict uint8

const (
	there verdict = iota // it can be answered
	soon                 // it has to wait
	far                  // it is for the far future
)

// ahead bounds how far a request may be ahead of a playlist: so many segments, and
// within the segment under way so much time.
const (
	aheadSegments = 2
	aheadParts    = 3 * time.Second
)

// holds says whether s has what q asks for. s is ready.
func (s *snapshot) holds(q query) verdict {
	if !q.block || s.ended {
		return there
	}
	last := s.segments[len(s.segments)-1]
	if q.msn > last.msn+aheadSegments {
		return far
	}
	msn, part := q.msn, q.part
	if q.hasPart && msn == last.msn && part >= uint64(len(last.parts)) {
		// One more than a segment has is the first one of the next (section 6.2.5.2).
		msn, part = msn+1, 0
	}
	var have uint64
	if s.open != nil {
		have = uint64(len(s.open.parts))
	}
	switch {
	case msn <= last.msn:
		return there
	case msn == last.msn+1 && q.hasPart && part < have:
		return there
	case q.hasPart && s.shape.parts && part > have+uint64(aheadParts/s.shape.part):
		return far
	default:
		return soon
	}
}
