package mixer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// talk plays "a:-20 b 1s", levels and how long they last, ten times a second, and says
// who had the floor from when on. Who has no level is silent; "-a" is gone.
func talk(script string) string {
	var f floor
	start := time.Unix(1_000_000, 0)
	now := start
	levels := make(map[string]float64)
	var changes []string
	for w := range strings.FieldsSeq(script) {
		if d, err := time.ParseDuration(w); err == nil {
			for end := now.Add(d); now.Before(end); now = now.Add(100 * time.Millisecond) {
				if f.hear(now, levels) {
					changes = append(changes, fmt.Sprintf("%s@%v", f.who, now.Sub(start)))
				}
			}
			continue
		}
		if gone, ok := strings.CutPrefix(w, "-"); ok {
			delete(levels, gone)
			continue
		}
		who, level, _ := strings.Cut(w, ":")
		v := -100.0
		if level != "" {
			_, _ = fmt.Sscan(level, &v)
		}
		levels[who] = v
	}
	return strings.Join(changes, " ")
}

func TestFloor(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"nobody speaks":           {"a b 5s", ""},
		"too quiet":               {"a:-50 b 5s", ""},
		"the first word":          {"a b 1s a:-20 1s", "a@1.2s"},
		"another speaks":          {"a:-20 b 5s a b:-20 5s", "a@0s b@5.4s"},
		"a cough":                 {"a:-20 b 5s b:-10 200ms b 5s", "a@0s"},
		"a cough in a pause":      {"a:-20 b 5s a 300ms b:-20 100ms b 1s a:-20 3s", "a@0s"},
		"a little louder":         {"a:-20 b:-17 5s b:-20 a:-17 5s", "b@0s"},
		"held for two seconds":    {"a:-30 b 300ms a b:-10 5s", "a@0s b@2s"},
		"the speaker leaves":      {"a:-20 b:-30 3s -a 3s", "a@0s b@3s"},
		"nobody speaks and goes":  {"a:-20 b 3s a 3s -a 1s", "a@0s @6s"},
		"silent for a long while": {"a:-20 b 3s a 60s b:-40 3s", "a@0s b@1m3.6s"},
	} {
		if got := talk(c.script); got != c.want {
			t.Errorf("%s: %q gives %q, want %q", name, c.script, got, c.want)
		}
	}
}

// Whatever is heard, the floor does not change hands within two seconds while the one
// who has it is there.
func TestFloorDoesNotFlap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var f floor
		now := time.Unix(1_000_000, 0)
		var last time.Time
		for range 600 {
			now = now.Add(100 * time.Millisecond)
			levels := map[string]float64{"a": r.Float64() * -100, "b": r.Float64() * -100, "c": r.Float64()*-140 + 20}
			if !f.hear(now, levels) {
				continue
			}
			if !last.IsZero() && now.Sub(last) < hold {
				t.Fatalf("it changes after %v", now.Sub(last))
			}
			last = now
		}
	}
}
