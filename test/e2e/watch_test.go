//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/test/machine"
)

// demo is a clip with a picture at 30 frames a second and sound all the time.
const demo = "../../cmd/weir/demo.flv"

// spread is a series of values in seconds.
type spread struct{ Median, Max float64 }

// standing is how a watch page stands: Figures is -1 while they are hidden.
type standing struct {
	Figures                   int
	Muted, Paused             bool
	Expanded, Pressed, Status string
}

// report is what watch.mjs saw.
type report struct {
	FirstPicture              *float64 // s after the page was opened
	Seconds, FPS, Played      float64
	RMS                       float64 // loudest, of full scale
	AudioBytes                int
	Muted                     bool
	Latency, EdgeLatency      *spread
	LastLatency               float64 // s
	Stalls, Attempts, Dropped int
	Width, Height             int
	VideoCodec, AudioCodec    string
	Way, Words                string         // what is used in the end, and what the page says
	Glass                     *spread        // from the test pattern's clock to the screen
	Posts                     int            // offers by WHEP
	Layers                    map[string]int // widths
	Levels                    []levelChange  // of hls.js
	Ways, States              []string
	Keys                      *struct {
		After   map[string]standing // what a key changes; "" is before the first
		Reached []string            // the names of what Tab leads to
	}
	Transport                              string             // "UDP" or "TCP"
	Frozen                                 [][2]float64       // ms from the first picture, s
	Series                                 [][3]float64       // ms since 1970, pictures decoded, ms of age of the one shown or -1
	Video, Audio                           map[string]float64 // rises of what getStats counts
	Address                                string             // of the page in the end
	External, Violations, Failures, Errors []string
}

// levelChange is what was seen while hls.js went from one variant to another.
type levelChange struct {
	From, To, Shown, Level int     // heights
	Seconds                float64 // until it was there
	Waits                  int     // how often playback stood still
	FPS                    float64
	Played                 float64 // s of the stream in a second
}

// watch opens a page in a browser and looks at it for that many seconds from the
// first picture. The result is there when seen returns.
func watch(t *testing.T, url string, seconds int, options ...string) (seen func() report) {
	t.Helper()
	_, seen = watchFrom(t, nil, url, seconds, options...)
	return seen
}

// small is the size of windows: without graphics hardware each pixel costs.
func small() []string { return []string{"width=640", "height=360"} }

// watchFrom is watch with words in front of the command. playing is closed at the first
// picture, or when there will be none.
func watchFrom(t *testing.T, where []string, url string, seconds int, options ...string) (playing <-chan struct{}, seen func() report) {
	t.Helper()
	words := slices.Concat(where, []string{"node", "watch.mjs", url, "seconds=" + strconv.Itoa(seconds)}, small(), options)
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	var out bytes.Buffer
	cmd.Stdout = &out
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	begun, log := make(chan struct{}), make(chan string, 1)
	go func() {
		var all strings.Builder
		begin := sync.OnceFunc(func() { close(begun) })
		for lines := bufio.NewScanner(said); lines.Scan(); {
			if lines.Text() == "playing" {
				begin()
			}
			all.WriteString(lines.Text() + "\n")
		}
		begin()
		log <- all.String()
	}()
	return begun, func() report {
		t.Helper()
		text := <-log
		if err := cmd.Wait(); err != nil {
			t.Fatalf("watch.mjs: %v\n%s", err, text)
		}
		var r report
		if err := json.Unmarshal(out.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if len(r.Series) == 0 {
			t.Logf("%s", out.String())
		}
		if r.FirstPicture == nil {
			t.Fatal("there was no picture")
		}
		for what, list := range map[string][]string{
			"requests to other hosts": r.External, "policy violations": r.Violations, "errors": r.Errors,
		} {
			if len(list) != 0 {
				t.Errorf("%s: %q", what, list)
			}
		}
		return r
	}
}

func TestWatchPage(t *testing.T) {
	cores.Take(t, 0.65)
	w := start(t)
	w.publish(t, "studio", demo)
	r := watch(t, "http://"+w.http+"/live/studio", 12)()
	if r.FPS < 25 {
		t.Errorf("%.1f frames per second", r.FPS)
	}
	if r.RMS < 0.01 || r.AudioBytes == 0 || r.Muted {
		t.Errorf("no sound: loudness %.4f, %d bytes, muted %v", r.RMS, r.AudioBytes, r.Muted)
	}
	for name, latency := range map[string]*spread{"by the clock": r.Latency, "to the edge": r.EdgeLatency} {
		if latency == nil || latency.Median <= 0 || latency.Median >= 2 {
			t.Errorf("latency %s: %+v", name, latency)
		}
	}
	if r.Width != 640 || r.Height != 360 || r.VideoCodec == "" || r.AudioCodec == "" {
		t.Errorf("%dx%d %q %q", r.Width, r.Height, r.VideoCodec, r.AudioCodec)
	}
	if r.Attempts != 1 || r.Stalls > 1 {
		t.Errorf("%d attempts, %d stalls", r.Attempts, r.Stalls)
	}
}

// A page that has stood still for want of data is as close to live as before soon after.
func TestStallIsMadeUp(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.65)
	w := start(t)
	w.publish(t, "studio", demo)
	<-time.After(6 * time.Second) // enough to play by HLS
	r := watch(t, "http://"+w.http+"/live/studio", 18, "hold=4,10")()
	if r.Stalls == 0 || r.Attempts != 1 {
		t.Errorf("%d stalls, %d attempts", r.Stalls, r.Attempts)
	}
	if r.LastLatency <= 0 || r.LastLatency > 3 {
		t.Errorf("%.1f s behind at the end", r.LastLatency)
	}
}

// A publisher that drops and returns goes on in the same playlist: the page plays
// on without starting again.
func TestPublisherReturns(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.65)
	w := start(t)
	drop := w.publish(t, "studio", demo)
	seen := watch(t, "http://"+w.http+"/live/studio", 25)
	<-time.After(12 * time.Second)
	drop()
	<-time.After(2 * time.Second)
	w.publish(t, "studio", demo)
	r := seen()
	if r.Attempts != 1 {
		t.Errorf("the page started %d times", r.Attempts)
	}
	if last := r.States[len(r.States)-1]; last != "live" {
		t.Errorf("the page went %q", r.States)
	}
	if r.FPS < 20 {
		t.Errorf("%.1f frames per second", r.FPS)
	}
}

// A page that was there first finds the stream by itself. A publisher that stays away ends
// the stream, which the page says; when it comes back after all, the same page plays again.
func TestStreamComesAndGoes(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.65)
	w := start(t)
	playing, seen := watchFrom(t, nil, "http://"+w.http+"/live/studio", 20)
	<-time.After(5 * time.Second)
	drop := w.publish(t, "studio", demo)
	<-playing
	<-time.After(5 * time.Second)
	drop()
	<-time.After(9 * time.Second)
	w.publish(t, "studio", demo)
	r := seen()
	states := slices.DeleteFunc(slices.Clone(r.States), func(s string) bool { return s == "buffering" })
	if !slices.Equal(states[:min(len(states), 3)], []string{"connecting", "waiting", "live"}) {
		t.Errorf("the page went %q before it was live", r.States)
	}
	states = slices.DeleteFunc(states, func(s string) bool { return s == "connecting" })
	if !slices.Contains(states, "ended") || states[len(states)-1] != "live" {
		t.Errorf("the page went %q", r.States)
	}
}
