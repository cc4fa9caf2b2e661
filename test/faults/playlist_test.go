//go:build e2e

package faults

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// playlist is what a player reads in a playlist, of either sort.
type playlist struct {
	names []string // of a multivariant playlist: its media playlists

	msn, cc  uint64 // of the first segment, without its own discontinuity
	target   time.Duration
	part     time.Duration // PART-TARGET
	blocking bool
	ended    bool
	segments []segment // the last one has no uri if it is under way
}

type segment struct {
	uri, init          string
	duration           time.Duration
	gap, discontinuity bool
	parts              []string
	longest            time.Duration // of the parts
}

// newest is the number of the last segment, complete or not.
func (p *playlist) newest() uint64 { return p.msn + uint64(len(p.segments)) - 1 }

// edge is what is to come next: a segment and the number of its parts that are there.
func (p *playlist) edge() (msn uint64, parts int) {
	if n := len(p.segments); n > 0 && p.segments[n-1].uri == "" {
		return p.newest(), len(p.segments[n-1].parts)
	}
	return p.newest() + 1, 0
}

func parsePlaylist(text string) (*playlist, error) {
	if !strings.HasPrefix(text, "#EXTM3U\n") {
		return nil, errors.New("no playlist")
	}
	p := &playlist{}
	var s segment
	open := false // s has something
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		tag, value, _ := strings.Cut(line, ":")
		switch {
		case line == "":
		case tag == "#EXT-X-MEDIA":
			p.names = append(p.names, attribute(value, "URI"))
		case !strings.HasPrefix(line, "#"):
			if p.target == 0 {
				p.names = append(p.names, line)
				break
			}
			s.uri = line
			p.segments = append(p.segments, s)
			s, open = segment{init: s.init}, false
		case p.header(tag, value):
		default:
			open = s.tag(tag, value) || open
		}
	}
	if open {
		p.segments = append(p.segments, s)
	}
	return p, nil
}

func (p *playlist) header(tag, value string) bool {
	number := func() uint64 {
		n, _ := strconv.ParseUint(value, 10, 64)
		return n
	}
	switch tag {
	case "#EXT-X-TARGETDURATION":
		p.target = time.Duration(number()) * time.Second
	case "#EXT-X-MEDIA-SEQUENCE":
		p.msn = number()
	case "#EXT-X-DISCONTINUITY-SEQUENCE":
		p.cc = number()
	case "#EXT-X-SERVER-CONTROL":
		p.blocking = strings.Contains(value, "CAN-BLOCK-RELOAD=YES")
	case "#EXT-X-PART-INF":
		p.part = seconds(strings.TrimPrefix(value, "PART-TARGET="))
	case "#EXT-X-ENDLIST":
		p.ended = true
	default:
		return false
	}
	return true
}

// tag takes a tag of a segment.
func (s *segment) tag(tag, value string) bool {
	switch tag {
	case "#EXTINF":
		s.duration = seconds(value)
	case "#EXT-X-MAP":
		s.init = attribute(value, "URI")
	case "#EXT-X-DISCONTINUITY":
		s.discontinuity = true
	case "#EXT-X-GAP":
		s.gap = true
	case "#EXT-X-PART":
		uri := attribute(value, "URI")
		if strings.Contains(value, ",GAP=YES") {
			uri = ""
		}
		s.parts = append(s.parts, uri)
		duration, _, _ := strings.Cut(strings.TrimPrefix(value, "DURATION="), ",")
		s.longest = max(s.longest, seconds(duration))
	default:
		return false
	}
	return true
}

func seconds(s string) time.Duration {
	f, _ := strconv.ParseFloat(strings.TrimSuffix(s, ","), 64)
	return time.Duration(f * float64(time.Second))
}

// attribute is the quoted string of that name.
func attribute(list, name string) string {
	_, rest, _ := strings.Cut(list, name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}
