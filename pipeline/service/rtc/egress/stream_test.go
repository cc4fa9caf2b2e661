package egress

import (
	"fmt"
	"strings"
	"testing"

	"weir/pipeline/media"
)

// Each word is what comes from upstream: number, then k for another layer, d for a
// discontinuity, s after a Skip. The result is the distance of the viewer's numbers
// from the first, - for what is not sent.
func TestNumbers(t *testing.T) {
	for in, want := range map[string]string{
		"5 6 7 8":                 "0 1 2 3",
		"5 7 6 7 6 5":             "0 2 1 - - -",
		"65534 65535 0 1":         "0 1 2 3",
		"5 6 100k 101k 7 8":       "0 1 2 3 4 5",
		"5 8 100k 7k 99k":         "0 3 4 - -",
		"5 6 9000 9001":           "0 1 2 3",
		"5 6 9s 10":               "0 1 2 3",
		"5 6 7d 8":                "0 1 2 3",
		"5 6 9s 8 7":              "0 1 2 - -",
		"5 905":                   "0 900",
		"100 200 137 136 100 200": "0 100 37 - - -",
	} {
		var st Stream
		st.init(nil, 0, StreamParams{})
		first, got := st.index+1, []string{}
		for word := range strings.FieldsSeq(in) {
			u := &media.Unit{RTP: &media.RTP{}}
			var how string
			if _, err := fmt.Sscanf(word, "%d%s", &u.RTP.Sequence, &how); err != nil && how != "" {
				t.Fatal(err)
			}
			switch how {
			case "k":
				u.Layer = 1
			case "d":
				u.Flags = media.Discontinuity
			case "s":
				st.Skip()
			}
			index, ok := st.next(u)
			if !ok {
				got = append(got, "-")
			} else {
				got = append(got, fmt.Sprint(index-first))
			}
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s: %s, want %s", in, g, want)
		}
	}
}

// The viewer's numbers lead back to those upstream, over some switches.
func TestUpstream(t *testing.T) {
	f := newFilm()
	var st Stream
	st.init(nil, 0, StreamParams{History: f})
	type known struct {
		number uint16
		unit   *media.Unit
	}
	var all []known
	for i := range 12 {
		layer := int8(i % 3)
		for _, u := range f.frame(layer, uint16(65530+i*7), 0, 1, 1, 1) {
			index, _ := st.next(u)
			all = append(all, known{uint16(index), u})
		}
	}
	for i, k := range all {
		_, u := st.upstream(k.number)
		held := i >= len(all)-3*maxSpans
		if held && u != k.unit || !held && u != nil {
			t.Errorf("packet %d of %d: %v, want %v", i, len(all), u, k.unit)
		}
	}
	if _, u := st.upstream(uint16(st.index) + 1); u != nil {
		t.Error("a packet that was not sent")
	}
}
