package hls

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// FuzzLink: whatever a link's query and a cookie hold, a playlist that carries the query
// is the same one but for it, and one line stays one line.
func FuzzLink(f *testing.F) {
	f.Add("exp=1&kid=k&sig=s", "a=b; weir_play=token=x")
	f.Add("sig=\"\n#EXT", "weir_play=\";weir_play=,")
	f.Add("", ";;=")
	const playlist = "#EXTM3U\n#EXT-X-MAP:URI=\"i.mp4\"\n#EXT-X-PART:DURATION=1,URI=\"p.m4s\",INDEPENDENT=YES\n#EXTINF:1,\ns.m4s\n"
	f.Fuzz(func(t *testing.T, query, cookies string) {
		kept := keptQuery(http.Header{"Cookie": {cookies}})
		for _, q := range []string{query, kept} {
			if !isCookie(q) {
				continue
			}
			out := carried([]byte(playlist), q)
			if got := bytes.ReplaceAll(out, []byte("?"+q), nil); string(got) != playlist && !strings.Contains(q, "?") || bytes.Count(out, []byte{'\n'}) != 5 {
				t.Errorf("%q is carried as\n%s", q, out)
			}
		}
		if kept != "" && !isCookie(kept) {
			t.Errorf("%q was kept", kept)
		}
	})
}
