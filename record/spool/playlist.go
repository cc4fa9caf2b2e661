package spool

import (
	"bytes"
	"fmt"
	"math"
	"strings"
)

// playlists are the HLS playlists of a recording by name (RFC 8216). With one rendition
// there is one; with several, index.m3u8 leads to them.
func playlists(l *ledger, segments []Segment, over bool) map[string][]byte {
	renditions := renditionsOf(l)
	if len(renditions) == 1 {
		return map[string][]byte{"index.m3u8": mediaPlaylist(l, segments, renditions[0], over)}
	}
	all := map[string][]byte{"index.m3u8": multivariant(l, segments, renditions)}
	for _, r := range renditions {
		all[r+".m3u8"] = mediaPlaylist(l, segments, r, over)
	}
	return all
}

// renditionsOf lists them in the order in which they came.
func renditionsOf(l *ledger) (names []string) {
	seen := make(map[string]bool)
	for _, i := range l.inits {
		if !seen[i.Rendition] {
			seen[i.Rendition] = true
			names = append(names, i.Rendition)
		}
	}
	return names
}

func mediaPlaylist(l *ledger, segments []Segment, rendition string, over bool) []byte {
	var b bytes.Buffer
	kind := "EVENT"
	if over {
		kind = "VOD"
	}
	target := l.recording.Longest
	for _, s := range segments {
		target = max(target, s.Seconds)
	}
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%d\n#EXT-X-PLAYLIST-TYPE:%s\n#EXT-X-MEDIA-SEQUENCE:0\n",
		int(math.Ceil(target)), kind)
	init, broken := "", false
	for _, s := range segments {
		switch {
		case s.Rendition != rendition:
			continue
		case s.Missing != "":
			broken = true
			continue
		}
		if (s.Discontinuity || broken) && init != "" {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		broken = false
		if s.Init != init {
			fmt.Fprintf(&b, "#EXT-X-MAP:URI=%q\n", s.Init)
			init = s.Init
		}
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:%.5f,\n%s\n",
			s.Start.UTC().Format("2006-01-02T15:04:05.000Z07:00"), s.Seconds, s.URI)
	}
	if over {
		b.WriteString("#EXT-X-ENDLIST\n")
	}
	return b.Bytes()
}

// multivariant lists video renditions as variants, with the others as their sound.
func multivariant(l *ledger, segments []Segment, renditions []string) []byte {
	newest := make(map[string]Init)
	for _, i := range l.inits {
		newest[i.Rendition] = i
	}
	var b bytes.Buffer
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:7\n")
	var sound []string
	audioRate, group := 0, ""
	for _, r := range renditions {
		i := newest[r]
		if i.Tracks[0].Kind != "audio" {
			continue
		}
		if len(sound) == 0 {
			sound = i.Codecs
		}
		language := ""
		if t := i.Tracks[0].Language; t != "" {
			language = fmt.Sprintf(",LANGUAGE=%q", strings.Map(quotable, t))
		}
		chosen := "NO"
		if group == "" {
			chosen = "YES"
		}
		group = `,AUDIO="audio"`
		audioRate = max(audioRate, peak(segments, r))
		fmt.Fprintf(&b, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=%q,DEFAULT=%s,AUTOSELECT=YES%s,URI=%q\n", r, chosen, language, r+".m3u8")
	}
	for _, r := range renditions {
		i := newest[r]
		if i.Tracks[0].Kind == "audio" && len(sound) > 0 && hasVideo(newest) {
			continue
		}
		codecs, size := strings.Join(append(append([]string(nil), i.Codecs...), sound...), ","), ""
		if t := i.Tracks[0]; t.Width > 0 {
			size = fmt.Sprintf(",RESOLUTION=%dx%d", t.Width, t.Height)
		}
		fmt.Fprintf(&b, "#EXT-X-STREAM-INF:BANDWIDTH=%d,CODECS=%q%s%s\n%s.m3u8\n", max(1, peak(segments, r)+audioRate), codecs, size, group, r)
	}
	return b.Bytes()
}

func hasVideo(inits map[string]Init) bool {
	for _, i := range inits {
		if i.Tracks[0].Kind == "video" {
			return true
		}
	}
	return false
}

// peak is the highest bit rate of a rendition's segments, in bit/s.
func peak(segments []Segment, rendition string) (most int) {
	for _, s := range segments {
		if s.Rendition == rendition && s.Seconds > 0.1 {
			most = max(most, int(float64(s.Bytes)*8/s.Seconds))
		}
	}
	return most
}

// quotable leaves out what a quoted string of a playlist cannot hold.
func quotable(r rune) rune {
	if r == '"' || r < 0x20 {
		return -1
	}
	return r
}
