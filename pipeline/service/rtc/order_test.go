package rtc

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// play runs a script: "+10" lets so many milliseconds pass, "7" is packet 7, "7r" the
// same by RTX, "7p" padding. The answer is what comes out, "!7" after a loss, "?7" is
// what is asked for.
func play(o *order, script string) string {
	var out []string
	now := time.Unix(0, 0)
	for word := range strings.FieldsSeq(script) {
		if ms, ok := strings.CutPrefix(word, "+"); ok {
			n, _ := strconv.Atoi(ms)
			now = now.Add(time.Duration(n) * time.Millisecond)
		} else {
			digits := strings.TrimRight(word, "rp")
			n, _ := strconv.Atoi(digits)
			p := Packet{Sequence: uint16(n), Payload: []byte{1}, repaired: strings.HasSuffix(word, "r")}
			if strings.HasSuffix(word, "p") {
				p.Payload = nil
			}
			o.put(p, now)
		}
		for {
			p, ok := o.take(now)
			if !ok {
				break
			}
			mark := ""
			if p.Lost {
				mark = "!"
			}
			out = append(out, mark+strconv.Itoa(int(p.Sequence)))
		}
		for _, n := range o.ask(now) {
			out = append(out, fmt.Sprintf("?%d", n))
		}
	}
	return strings.Join(out, " ")
}

func TestOrder(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"in order", "1 2 3", "1 2 3"},
		{"across the end of the numbers", "65534 65535 0 1", "65534 65535 0 1"},
		{"overtaken", "1 3 +5 2 4", "1 2 3 4"},
		{"twice", "1 2 2 1 3 3", "1 2 3"},
		{"asked for, and sent again", "1 3 +8 4 +20 2r 5", "1 ?2 2 3 4 5"},
		{"asked for again", "1 3 +8 +60 +60 2r", "1 ?2 ?2 ?2 2 3"},
		{"two at once", "1 4 +8 3r 2r", "1 ?2 ?3 2 3 4"},
		{"never sent again", "1 3 +499 +1 4", "1 ?2 !3 4"},
		{"lost and late", "1 3 +500 2 4", "1 !3 4"},
		{"padding is left out", "1 2p 3 4p 5p 6", "1 2 3"},
		{"padding that comes late", "1 3 +5 2p 4", "1 2 3"},
		{"another stream, ahead", "1 5000 5001", "1 !5000 5001"},
		{"another stream, behind", "30000 100 101 102 103 104", "30000 !103 104"},
		{"a single stray", "30000 100 30001", "30000 30001"},
	} {
		o := newOrder(500*time.Millisecond, true)
		if got := play(&o, c.script); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// Where nothing is sent again, waiting is only for what is overtaken, and is learnt.
func TestOrderWithoutRepair(t *testing.T) {
	o := newOrder(500*time.Millisecond, false)
	if got, want := play(&o, "1 3 +40 4 6 +100 5 7 9 +79 +1 10"), "1 !3 4 !6 7 !9 10"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What a sender can make a stream hold is bounded.
func TestOrderBounds(t *testing.T) {
	o := newOrder(time.Hour, true)
	now := time.Unix(0, 0)
	payload := make([]byte, 1400)
	most := 0
	for n := range 1 << 16 {
		if n%2000 == 0 {
			continue // never comes
		}
		o.put(Packet{Sequence: uint16(n), Payload: payload}, now)
		for {
			if _, ok := o.take(now); !ok {
				break
			}
		}
		_ = o.ask(now)
		most = max(most, o.bytes)
	}
	if most > orderBytes+orderSpan*1400 || len(o.held) > orderSpan || len(o.holes) > orderSpan {
		t.Errorf("%d bytes, %d packets, %d holes", most, len(o.held), len(o.holes))
	}
}

func TestCheckFor(t *testing.T) {
	header := "\x00\x01\x00\x10\x21\x12\xa4\x42............"
	for packet, want := range map[string]string{
		"":     "",
		header: "",
		header + "\x00\x06\x00\x05ab:cd\x00\x00\x00":                                     "ab",
		header + "\x80\x22\x00\x02xx\x00\x00\x00\x06\x00\x04ab:c":                        "ab",
		header + "\x80\x22\x00\x01x\x00\x06":                                             "",
		header + "\x00\x06\x00\x05abcde\x00\x00\x00":                                     "",
		header + "\x00\x06\x00\x05:bcde\x00\x00\x00":                                     "",
		"\x01\x01" + header[2:] + "\x00\x06\x00\x05ab:cd\x00\x00\x00":                    "",
		strings.Replace(header, "\x42", "\x43", 1) + "\x00\x06\x00\x05ab:cd\x00\x00\x00": "",
	} {
		if got := string(checkFor([]byte(packet))); got != want {
			t.Errorf("%q: %q, want %q", packet, got, want)
		}
	}
}
