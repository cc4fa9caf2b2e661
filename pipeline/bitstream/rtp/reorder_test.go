package rtp

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/pipeline/media"
)

// TestReorder runs scripts. A number is a packet of that sequence number, 10 ms after
// the one before; "7/2" is one of SSRC 2, "7!" a discontinuity. "+50" lets that many
// milliseconds pass, "flush" ends the stream.
func TestReorder(t *testing.T) {
	for _, c := range []struct{ name, script, want, stats string }{
		{"in order", "1 2 3", "1 2 3", "0 0 0"},
		{"over the wrap", "65534 65535 0 1", "65534 65535 0 1", "0 0 0"},
		{"two swapped", "1 3 2 4", "1 2 3 4", "0 0 1"},
		{"many swapped", "10 14 13 12 11 15", "10 11 12 13 14 15", "0 0 3"},
		{"swapped over the wrap", "65534 0 65535 1", "65534 65535 0 1", "0 0 1"},
		{"repeats", "1 1 2 2 4 4 3 4", "1 2 3 4", "0 4 1"},
		{"a hole", "1 3 4 +79 5", "1", "0 0 3"},
		{"a hole that is given up", "1 3 4 +80 5", "1 3 4 5", "1 0 3"},
		{"two holes", "1 3 5 +80 6", "1 3", "1 0 3"},
		{"late", "1 3 +90 4 2 5", "1 3 4 5", "1 1 2"},
		{"time alone", "1 3 4 +100", "1 3 4", "1 0 2"},
		{"at the end", "1 3 6 flush", "1 3 6", "3 0 2"},
		{"a jump ahead", "1 3 100 101", "1 3 100 101", "97 0 1"},
		{"a stray from behind", "500 100 501 300 502", "500 501 502", "0 2 0"},
		{"the sender began anew", "500 100 101 102", "500 101 102", "0 1 0"},
		{"another SSRC", "5 7 1/2 2/2 8", "5 7 1/2 2/2 8", "1 0 1"},
		{"a discontinuity", "5 7 6! 7", "5 7 6! 7", "1 0 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewReorder(16, 100*time.Millisecond)
			now := time.Unix(1000, 0)
			var out []*media.Unit
			for step := range strings.FieldsSeq(c.script) {
				switch ms, later := strings.CutPrefix(step, "+"); {
				case step == "flush":
					out = r.Flush(out)
				case later:
					now = now.Add(time.Duration(number(t, ms)) * time.Millisecond)
					out = r.Expire(out, now)
				default:
					now = now.Add(10 * time.Millisecond)
					out = r.Push(out, scripted(t, step, now))
				}
			}
			var got []string
			for _, u := range out {
				got = append(got, script(u))
			}
			s := r.Stats()
			if g := strings.Join(got, " "); g != c.want {
				t.Errorf("got %s, want %s", g, c.want)
			}
			if g := fmt.Sprint(s.Lost, s.Late, s.Moved); g != c.stats {
				t.Errorf("lost, late and moved %s, want %s", g, c.stats)
			}
		})
	}
}

func scripted(t *testing.T, s string, at time.Time) *media.Unit {
	t.Helper()
	u := &media.Unit{Arrived: at, RTP: &media.RTP{SSRC: 1}}
	if c, ok := strings.CutSuffix(s, "!"); ok {
		s, u.Flags = c, media.Discontinuity
	}
	s, ssrc, ok := strings.Cut(s, "/")
	if ok {
		u.RTP.SSRC = uint32(number(t, ssrc))
	}
	u.RTP.Sequence = uint16(number(t, s))
	return u
}

func script(u *media.Unit) string {
	s := strconv.Itoa(int(u.RTP.Sequence))
	if u.RTP.SSRC != 1 {
		s += "/" + strconv.Itoa(int(u.RTP.SSRC))
	}
	if u.Flags.Has(media.Discontinuity) {
		s += "!"
	}
	return s
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
