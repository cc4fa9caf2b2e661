package timeline

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/pipeline/media"
)

var rewrite = flag.Bool("rewrite", false, "write the scripts' results into them")

// lead is the age of the epoch when the first unit arrives.
const lead = 10 * time.Second

// TestScripts runs testdata/*.txt. A script is commands, a line "----" and what
// they print. Commands:
//
//	epoch MS                    sets the age of the epoch
//	track NAME RATE [SAMPLES]   adds a track
//	wait MS                     lets time pass
//	restart                     a new session
//	rate NAME RATE [SAMPLES]    changes a track's rate
//	NAME WIRE [OFFSET]          a unit arrives; prints where it is placed, in ticks
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			raw, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			script, want, _ := strings.Cut(string(raw), "----\n")
			got := play(t, script)
			if *rewrite {
				if err := os.WriteFile(f, []byte(script+"----\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// play runs a script on a Line with a clock of 1 ms.
func play(t *testing.T, script string) string {
	t.Helper()
	var (
		out     strings.Builder
		now     = time.Unix(1_700_000_000, 0)
		line    = NewLine(media.MilliRate, now.Add(-lead))
		tracks  = map[string]*Track{}
		samples = map[string]int64{}
	)
	for sc := bufio.NewScanner(strings.NewReader(script)); sc.Scan(); {
		text, _, _ := strings.Cut(sc.Text(), "#")
		f := strings.Fields(text)
		if len(f) == 0 {
			continue
		}
		arg := func(i int) int64 {
			if i >= len(f) {
				return 0
			}
			v, err := strconv.ParseInt(f[i], 0, 64)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			return v
		}
		switch f[0] {
		case "track":
			tracks[f[1]], samples[f[1]] = line.Track(media.Rate(arg(2))), arg(3)
		case "rate":
			tracks[f[1]].SetRate(media.Rate(arg(2)))
			samples[f[1]] = arg(3)
		case "wait":
			now = now.Add(time.Duration(arg(1)) * time.Millisecond)
		case "epoch":
			line = NewLine(media.MilliRate, now.Add(-time.Duration(arg(1))*time.Millisecond))
		case "restart":
			line.Restart()
		default:
			p := tracks[f[0]].Place(Stamp{Wire: arg(1), Offset: arg(2), Samples: media.Ticks(samples[f[0]]), Arrived: now})
			fmt.Fprintf(&out, "%s %d", f[0], p.DTS)
			if p.PTS != p.DTS {
				fmt.Fprintf(&out, " +%d", p.PTS-p.DTS)
			}
			if p.Flags != 0 {
				fmt.Fprintf(&out, " %s", p.Flags)
			}
			fmt.Fprintln(&out)
		}
	}
	fmt.Fprintf(&out, "jumps %d\n", line.Jumps())
	return out.String()
}
