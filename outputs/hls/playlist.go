package hls

import (
	"slices"
	"strconv"
	"time"
)

// text appends the lines of a playlist.
type text []byte

func (t *text) add(parts ...string) {
	for _, p := range parts {
		*t = append(*t, p...)
	}
}

// line appends the parts as a line.
func (t *text) line(parts ...string) {
	t.add(parts...)
	t.add("\n")
}

func (t *text) uint(v uint64) { *t = strconv.AppendUint(*t, v, 10) }

// seconds appends a duration as RFC 8216 section 4.2 writes decimals.
func (t *text) seconds(d time.Duration) {
	*t = strconv.AppendFloat(*t, d.Seconds(), 'f', 5, 64)
}

// The multiples of TARGETDURATION and PART-TARGET that rfc8216bis section 4.4.3.8
// demands at least, and the age up to which parts are listed (section 6.2.2).
const (
	skipTargets = 6
	holdParts   = 3
	partTargets = 3
)

// media renders a media playlist. With delta, segments that every player has by
// now are skipped.
func (s *snapshot) media(delta bool) []byte {
	segs := s.listed()
	t := make(text, 0, 512+160*len(segs)+1024)
	s.header(&t)
	skip := 0
	if delta {
		skip = s.skippable(segs)
	}
	if skip > 0 {
		t.add("#EXT-X-SKIP:SKIPPED-SEGMENTS=")
		t.uint(uint64(skip))
		t.line()
	}
	parts := s.partsFrom(segs)
	var init *section
	for i, seg := range segs[skip:] {
		init = seg.head(&t, init)
		if s.shape.parts && i+skip >= parts {
			s.listParts(&t, seg)
		}
		if seg.gap != "" {
			t.line("#EXT-X-GAP")
		}
		t.add("#EXTINF:")
		t.seconds(seg.duration)
		t.line(",")
		t.line(seg.name)
	}
	if s.shape.parts && !s.ended {
		s.edge(&t, init)
	}
	if s.ended {
		t.line("#EXT-X-ENDLIST")
	}
	return t
}

func (s *snapshot) header(t *text) {
	segs := s.listed()
	t.line("#EXTM3U")
	t.line("#EXT-X-VERSION:", strconv.Itoa(s.shape.version))
	t.line("#EXT-X-TARGETDURATION:", strconv.Itoa(s.shape.target))
	if s.independent() {
		t.line("#EXT-X-INDEPENDENT-SEGMENTS")
	}
	if s.shape.parts {
		t.add("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=")
		t.seconds(holdParts * s.shape.part)
		t.add(",CAN-SKIP-UNTIL=")
		t.seconds(s.skipUntil())
		t.line()
		t.add("#EXT-X-PART-INF:PART-TARGET=")
		t.seconds(s.shape.part)
		t.line()
	}
	t.add("#EXT-X-MEDIA-SEQUENCE:")
	t.uint(segs[0].msn)
	t.line()
	before := segs[0].cc
	if segs[0].discontinuity {
		before-- // the tag itself is still in the playlist and counts
	}
	if before > 0 {
		t.add("#EXT-X-DISCONTINUITY-SEQUENCE:")
		t.uint(before)
		t.line()
	}
}

func (s *snapshot) skipUntil() time.Duration {
	return skipTargets * time.Duration(s.shape.target) * time.Second
}

// independent says whether every segment can be decoded by itself.
func (s *snapshot) independent() bool {
	for _, seg := range s.listed() {
		if !seg.independent && seg.gap == "" {
			return false
		}
	}
	return s.open == nil || s.open.independent
}

// skippable is how many segments are further from the end than CAN-SKIP-UNTIL.
func (s *snapshot) skippable(segs []*segment) int {
	return s.behind(segs, s.skipUntil())
}

// partsFrom is the first segment whose parts are listed.
func (s *snapshot) partsFrom(segs []*segment) int {
	return s.behind(segs, partTargets*time.Duration(s.shape.target)*time.Second)
}

// behind is how many segments end at least d before the end of the playlist.
func (s *snapshot) behind(segs []*segment, d time.Duration) int {
	var tail time.Duration
	if s.open != nil {
		tail = s.open.duration
	}
	for i, seg := range slices.Backward(segs) {
		if tail >= d {
			return i + 1
		}
		tail += seg.duration
	}
	return 0
}

// head writes what comes before a segment's parts and returns its init section,
// given the one in force.
func (s *segment) head(t *text, inForce *section) *section {
	if s.discontinuity {
		t.line("#EXT-X-DISCONTINUITY")
	}
	if s.init != nil && s.init != inForce {
		t.line(`#EXT-X-MAP:URI="`, s.init.name, `"`)
		inForce = s.init
	}
	t.add("#EXT-X-PROGRAM-DATE-TIME:")
	*t = s.start.UTC().AppendFormat(*t, "2006-01-02T15:04:05.000Z07:00")
	t.line()
	return inForce
}

func (s *snapshot) listParts(t *text, seg *segment) {
	names := s.rendition.names.of(seg)
	for _, p := range seg.parts {
		t.add("#EXT-X-PART:DURATION=")
		t.seconds(p.duration)
		t.add(`,URI="`, names.part(p.number), `"`)
		if p.independent {
			t.add(",INDEPENDENT=YES")
		}
		if p.gap {
			t.add(",GAP=YES")
		}
		t.line()
	}
}

// edge writes the segment under way, what comes next, and where the other
// renditions are.
func (s *snapshot) edge(t *text, init *section) {
	if s.open != nil {
		s.open.head(t, init)
		s.listParts(t, s.open)
	}
	t.line(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="`, s.rendition.names.part(s.hint), `"`)
	for _, r := range s.rendition.others() {
		o := r.load()
		if r == s.rendition || !o.ready() {
			continue
		}
		newest := o.newest()
		t.add(`#EXT-X-RENDITION-REPORT:URI="`, r.names.rendition, playlistExt, `",LAST-MSN=`)
		t.uint(newest.msn)
		if n := len(newest.parts); n > 0 {
			t.add(",LAST-PART=")
			t.uint(uint64(n - 1))
		}
		t.line()
	}
}
