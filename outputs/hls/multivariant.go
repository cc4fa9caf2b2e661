package hls

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"weir/pipeline/media"
)

// index is the multivariant playlist as it was rendered last. Its rates are those
// of the segments that playlists list at present, so it is rendered again when one
// more is complete.
type index struct {
	mu   sync.Mutex
	from *catalogue
	age  uint64
	body *body
}

// indexBody is the multivariant playlist, or nil if not all of its playlists are
// there.
func (st *store) indexBody() *body {
	c := st.shelf.Load()
	if len(c.listings) == 0 || !c.listings[0].rendition.load().ready() {
		return nil
	}
	age := c.age()
	st.index.mu.Lock()
	defer st.index.mu.Unlock()
	if st.index.body == nil || st.index.from != c || st.index.age != age {
		b := &body{}
		b.render(func() []byte { return st.multivariant(c) })
		st.index.body, st.index.from, st.index.age = b, c, age
	}
	return st.index.body
}

// awaitIndex are channels of which one is closed when indexBody may have changed.
func (st *store) awaitIndex() (listed, first <-chan struct{}) {
	c := st.shelf.Load()
	if len(c.listings) > 0 {
		first = c.listings[0].rendition.load().next
	}
	return c.next, first
}

// age rises with every complete segment.
func (c *catalogue) age() uint64 {
	var n uint64
	for _, l := range c.listings {
		if all := l.rendition.load().segments; len(all) > 0 {
			n += all[len(all)-1].msn
		}
	}
	return n
}

// rates are measured over the listed segments, in bit/s.
type rates struct {
	peak, average int64
	fps           float64
}

func (r *rendition) measure() rates {
	var m rates
	var bytes, units int64
	var d time.Duration
	for _, seg := range r.load().listed() {
		if seg.gap != "" {
			continue
		}
		m.peak = max(m.peak, seg.rate())
		bytes, units, d = bytes+seg.bytes, units+int64(seg.units), d+seg.duration
	}
	if d > 0 {
		m.average = int64(float64(bytes) * 8 / d.Seconds())
		m.fps = float64(units) / d.Seconds()
	}
	m.peak = max(m.peak, m.average)
	return m
}

// audioGroup is the only group of audio renditions.
const audioGroup = "audio"

func (st *store) multivariant(c *catalogue) []byte {
	var video, audio []listing
	for _, l := range c.listings {
		if l.kind == media.KindVideo {
			video = append(video, l)
		} else {
			audio = append(audio, l)
		}
	}
	t := make(text, 0, 1024)
	t.line("#EXTM3U")
	t.line("#EXT-X-VERSION:", strconv.Itoa(max(4, st.shape().version)))
	if len(video) == 0 {
		for _, l := range audio {
			t.variant(l, rates{}, nil, "")
		}
		return t
	}
	var loudest rates
	var codecs []string
	for i, l := range audio {
		t.alternative(l, i == 0)
		m := l.rendition.measure()
		loudest.peak, loudest.average = max(loudest.peak, m.peak), max(loudest.average, m.average)
		codecs = append(codecs, l.codecs...)
	}
	group := ""
	if len(audio) > 0 {
		group = audioGroup
	}
	for _, l := range video {
		t.variant(l, loudest, codecs, group)
	}
	return t
}

// alternative writes an EXT-X-MEDIA tag.
func (t *text) alternative(l listing, first bool) {
	t.add(`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="`, audioGroup, `",NAME="`, l.label(), `"`)
	if tag := quotable(l.language); tag != "" {
		t.add(`,LANGUAGE="`, tag, `"`)
	}
	if first {
		t.add(",DEFAULT=YES")
	}
	t.add(",AUTOSELECT=YES")
	if l.channels > 0 {
		t.add(`,CHANNELS="`, strconv.Itoa(l.channels), `"`)
	}
	t.line(`,URI="`, l.rendition.names.rendition, playlistExt, `"`)
}

// label is the name that a player's menu shows, unique as track names are.
func (l *listing) label() string {
	if tag := quotable(l.language); tag != "" {
		return tag + " (" + string(l.id) + ")"
	}
	return string(l.id)
}

// quotable is s without what a quoted string may not contain (RFC 8216 section 4.2).
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '"' || r < ' ' {
			return -1
		}
		return r
	}, s)
}

// variant writes an EXT-X-STREAM-INF tag and its URI.
func (t *text) variant(l listing, beside rates, codecs []string, group string) {
	m := l.rendition.measure()
	t.add("#EXT-X-STREAM-INF:BANDWIDTH=")
	t.uint(uint64(max(1, m.peak+beside.peak)))
	t.add(",AVERAGE-BANDWIDTH=")
	t.uint(uint64(max(1, m.average+beside.average)))
	all := append(slices.Clone(l.codecs), codecs...)
	slices.Sort(all[len(l.codecs):])
	if all = slices.Compact(all); len(all) > 0 {
		t.add(`,CODECS="`, strings.Join(all, ","), `"`)
	}
	if l.width > 0 && l.height > 0 {
		t.add(",RESOLUTION=", strconv.Itoa(l.width), "x", strconv.Itoa(l.height))
	}
	if l.kind == media.KindVideo {
		fps := l.fps
		if fps == 0 {
			fps = m.fps
		}
		t.add(",FRAME-RATE=", strconv.FormatFloat(fps, 'f', 3, 64))
	}
	if group != "" {
		t.add(`,AUDIO="`, group, `"`)
	}
	t.line()
	t.line(l.rendition.names.rendition, playlistExt)
}
