package hls

import (
	"bytes"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
)

// shown is a segment as a playlist shows it.
type shown struct {
	msn           int
	name, init    string
	duration      float64
	start         time.Time
	discontinuity bool
	cc            int
	gap           bool
	parts         []shownPart
}

type shownPart struct {
	name        string
	duration    float64
	independent bool
	gap         bool
}

// list is a parsed media playlist.
type list struct {
	tags     map[string]string // tags that appear once
	segments []shown
	open     shown // parts of the segment under way
	reports  []string
}

func (l *list) number(t *testing.T, tag string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(l.tags[tag], 64)
	if err != nil {
		t.Fatalf("%s: %v", tag, err)
	}
	return v
}

// attribute is the value of one attribute of a tag, without quotes.
func attribute(list, name string) string {
	for item := range strings.SplitSeq(list, ",") {
		if k, v, _ := strings.Cut(item, "="); k == name {
			return strings.Trim(v, `"`)
		}
	}
	return ""
}

// parse reads a media playlist.
func parse(t *testing.T, text string) *list {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != "#EXTM3U" {
		t.Fatalf("the playlist starts with %q", lines[0])
	}
	l := &list{tags: map[string]string{}}
	var seg shown
	init := ""
	for _, line := range lines[1:] {
		tag, value, _ := strings.Cut(line, ":")
		switch {
		case !strings.HasPrefix(line, "#"):
			seg.name, seg.init = line, init
			seg.msn = int(l.number(t, "#EXT-X-MEDIA-SEQUENCE")) + len(l.segments)
			l.segments = append(l.segments, seg)
			seg = shown{cc: seg.cc}
		case tag == "#EXT-X-DISCONTINUITY":
			seg.discontinuity = true
			seg.cc++
		case tag == "#EXT-X-DISCONTINUITY-SEQUENCE":
			seg.cc, _ = strconv.Atoi(value)
		case tag == "#EXT-X-GAP":
			seg.gap = true
		case tag == "#EXT-X-MAP":
			init = attribute(value, "URI")
		case tag == "#EXT-X-PROGRAM-DATE-TIME":
			var err error
			if seg.start, err = time.Parse(time.RFC3339, value); err != nil {
				t.Fatal(err)
			}
		case tag == "#EXTINF":
			seg.duration, _ = strconv.ParseFloat(strings.TrimSuffix(value, ","), 64)
		case tag == "#EXT-X-PART":
			d, _ := strconv.ParseFloat(attribute(value, "DURATION"), 64)
			seg.parts = append(seg.parts, shownPart{
				attribute(value, "URI"), d, attribute(value, "INDEPENDENT") == "YES", attribute(value, "GAP") == "YES",
			})
		case tag == "#EXT-X-RENDITION-REPORT":
			l.reports = append(l.reports, value)
		default:
			if _, twice := l.tags[tag]; twice {
				t.Errorf("%s twice", tag)
			}
			l.tags[tag] = value
		}
	}
	l.open = seg
	return l
}

// check fetches everything that the stream shows and holds it against the rules of
// RFC 8216, rfc8216bis and our own. It returns the media playlists by name.
func (s *studio) check(t *testing.T) map[string]*list {
	t.Helper()
	index := s.text(t, indexLeaf)
	lists := map[string]*list{}
	for _, name := range s.names() {
		if s.store.find(name).load().ready() {
			lists[name] = s.checkList(t, name)
		}
	}
	for line := range strings.SplitSeq(index, "\n") {
		if strings.HasSuffix(line, playlistExt) && !strings.HasPrefix(line, "#") {
			if lists[strings.TrimSuffix(line, playlistExt)] == nil {
				t.Errorf("the index names %s, which is not there", line)
			}
		}
	}
	checkBandwidth(t, s, index, lists)
	checkAligned(t, lists)
	return lists
}

func (s *studio) names() []string {
	var ns []string
	for _, r := range s.store.shelf.Load().renditions {
		ns = append(ns, r.names.rendition)
	}
	return ns
}

func (s *studio) checkList(t *testing.T, name string) *list {
	t.Helper()
	l := parse(t, s.text(t, name+playlistExt))
	target := l.number(t, "#EXT-X-TARGETDURATION")
	partTarget := 0.0
	if v := l.tags["#EXT-X-PART-INF"]; v != "" {
		partTarget, _ = strconv.ParseFloat(attribute(v, "PART-TARGET"), 64)
		control := l.tags["#EXT-X-SERVER-CONTROL"]
		if hold, _ := strconv.ParseFloat(attribute(control, "PART-HOLD-BACK"), 64); hold < 3*partTarget-1e-9 {
			t.Errorf("%s: PART-HOLD-BACK %v for PART-TARGET %v", name, hold, partTarget)
		}
		if skip, _ := strconv.ParseFloat(attribute(control, "CAN-SKIP-UNTIL"), 64); skip < 6*target {
			t.Errorf("%s: CAN-SKIP-UNTIL %v for TARGETDURATION %v", name, skip, target)
		}
		if attribute(control, "CAN-BLOCK-RELOAD") != "YES" {
			t.Errorf("%s: cannot block", name)
		}
	}
	_, independent := l.tags["#EXT-X-INDEPENDENT-SEGMENTS"]
	var end uint64 // decoding time behind the last sample
	for i, seg := range l.segments {
		if math.Round(seg.duration) > target {
			t.Errorf("%s: segment %d lasts %v s, TARGETDURATION is %v", name, seg.msn, seg.duration, target)
		}
		if i > 0 {
			s.checkNeighbours(t, name, l.segments[i-1], seg)
		}
		if seg.gap {
			if res := s.get(t, seg.name); res.StatusCode != http.StatusNotFound {
				t.Errorf("%s: gap %d is there: %s", name, seg.msn, res.Status)
			}
			s.checkParts(t, name, seg, "", partTarget)
			continue
		}
		data := s.text(t, seg.name)
		s.checkParts(t, name, seg, data, partTarget)
		if s.cfg.fmp4() {
			continuous := i > 0 && !seg.discontinuity && !l.segments[i-1].gap
			end = s.checkSamples(t, name, seg, data, independent, continuous, end)
		}
	}
	return l
}

// checkNeighbours compares a segment's start with the end of the one before it.
func (s *studio) checkNeighbours(t *testing.T, name string, before, seg shown) {
	t.Helper()
	drift := seg.start.Sub(before.start).Seconds() - before.duration
	switch {
	case seg.start.Before(before.start):
		t.Errorf("%s: segment %d starts before the one before it", name, seg.msn)
	case seg.discontinuity, before.gap, seg.gap:
	case math.Abs(drift) > 0.0021:
		t.Errorf("%s: segment %d starts %.4f s after the end of the one before it", name, seg.msn, drift)
	}
}

func (s *studio) checkParts(t *testing.T, name string, seg shown, data string, target float64) {
	t.Helper()
	var joined strings.Builder
	sum := 0.0
	for i, p := range seg.parts {
		sum += p.duration
		if p.gap {
			if res := s.get(t, p.name); res.StatusCode != http.StatusNotFound || !seg.gap || p.duration > target+1e-9 {
				t.Errorf("%s: part %d of segment %d (gap: %v), missing for %v s: %s", name, i, seg.msn, seg.gap, p.duration, res.Status)
			}
			continue
		}
		data := s.text(t, p.name)
		if p.duration > target+1e-9 && !oneSample(data) {
			t.Errorf("%s: part %d of segment %d lasts %v s", name, i, seg.msn, p.duration)
		}
		joined.WriteString(data)
	}
	if len(seg.parts) == 0 {
		return
	}
	if !seg.gap && joined.String() != data {
		t.Errorf("%s: segment %d is not the sum of its parts", name, seg.msn)
	}
	if math.Abs(sum-seg.duration) > 1e-4 {
		t.Errorf("%s: the parts of segment %d last %v s, it %v s", name, seg.msn, sum, seg.duration)
	}
}

// oneSample says whether a part has a single sample, which cannot be made shorter.
func oneSample(data string) bool {
	var parts fmp4.Parts
	return parts.Unmarshal([]byte(data)) == nil && len(parts) == 1 && len(parts[0].Tracks[0].Samples) == 1
}

// checkSamples reads a segment and returns the decoding time behind it.
func (s *studio) checkSamples(t *testing.T, name string, seg shown, data string, independent, continuous bool, end uint64) uint64 {
	t.Helper()
	var init fmp4.Init
	if err := init.Unmarshal(bytes.NewReader([]byte(s.text(t, seg.init)))); err != nil {
		t.Fatalf("%s: init section of segment %d: %v", name, seg.msn, err)
	}
	scale := float64(init.Tracks[0].TimeScale)
	var parts fmp4.Parts
	if err := parts.Unmarshal([]byte(data)); err != nil {
		t.Fatalf("%s: segment %d: %v", name, seg.msn, err)
	}
	if independent && parts[0].Tracks[0].Samples[0].IsNonSyncSample {
		t.Errorf("%s: segment %d does not start with a key frame", name, seg.msn)
	}
	total := 0.0
	for i, p := range parts {
		track := p.Tracks[0]
		if (i > 0 || continuous) && track.BaseTime != end {
			t.Errorf("%s: fragment %d of segment %d starts at %d, not at %d", name, i, seg.msn, track.BaseTime, end)
		}
		end = track.BaseTime
		for _, sample := range track.Samples {
			if d := float64(sample.Duration) / scale; d <= 0 || d > 10 {
				t.Errorf("%s: a sample of segment %d lasts %v s", name, seg.msn, d)
			}
			end += uint64(sample.Duration)
			total += float64(sample.Duration) / scale
		}
	}
	if math.Abs(total-seg.duration) > 1e-4 {
		t.Errorf("%s: the samples of segment %d last %v s, EXTINF is %v", name, seg.msn, total, seg.duration)
	}
	return end
}

// checkBandwidth compares the declared rates of each variant with its segments.
func checkBandwidth(t *testing.T, s *studio, index string, lists map[string]*list) {
	t.Helper()
	peak := func(name string) (most float64) {
		for _, seg := range lists[name].segments {
			if !seg.gap && seg.duration > 0.1 {
				most = max(most, float64(len(s.text(t, seg.name)))*8/seg.duration)
			}
		}
		return most
	}
	beside := 0.0
	lines := strings.Split(index, "\n")
	for i, line := range lines {
		tag, value, _ := strings.Cut(line, ":")
		switch tag {
		case "#EXT-X-MEDIA":
			beside = max(beside, peak(strings.TrimSuffix(attribute(value, "URI"), playlistExt)))
		case "#EXT-X-STREAM-INF":
			declared, _ := strconv.ParseFloat(attribute(value, "BANDWIDTH"), 64)
			average, _ := strconv.ParseFloat(attribute(value, "AVERAGE-BANDWIDTH"), 64)
			name := strings.TrimSuffix(lines[i+1], playlistExt)
			if want := peak(name) + beside; math.Abs(declared-want) > want/1000+2 || average > declared {
				t.Errorf("%s: BANDWIDTH %v, AVERAGE-BANDWIDTH %v, measured peak %v", name, declared, average, want)
			}
		}
	}
}

// checkAligned compares the renditions with one another.
func checkAligned(t *testing.T, lists map[string]*list) {
	t.Helper()
	type at struct {
		name string
		shown
	}
	first := map[int]at{}
	for name, l := range lists {
		for _, seg := range l.segments {
			o, seen := first[seg.msn]
			if !seen {
				first[seg.msn] = at{name, seg}
				continue
			}
			if d := seg.start.Sub(o.start); d.Abs() > 100*time.Millisecond && !seg.gap && !o.gap {
				t.Errorf("segment %d starts %v later in %s than in %s", seg.msn, d, name, o.name)
			}
			if seg.cc != o.cc {
				t.Errorf("segment %d has discontinuity sequence %d in %s, %d in %s", seg.msn, seg.cc, name, o.cc, o.name)
			}
		}
	}
}
