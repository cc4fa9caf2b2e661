package top

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"weir/cmd/client"
	"weir/pipeline"
)

func board(streams int) *Board {
	at := time.Date(2026, 11, 28, 14, 33, 7, 0, time.UTC)
	none, some := uint64(0), uint64(1204)
	b := &Board{
		Address: "http://127.0.0.1:8080", At: at, Server: Server{"1.2.0", at.Add(-27*time.Hour - 5*time.Minute)},
		Streams: []Stream{
			{
				Path: "live/studio", State: "running", Viewers: 130, Bitrate: 5_800_000, Verdict: "ok", Recording: true, Dropped: &none,
				Outputs: []Output{{"hls", "outputs/hls", "running", ""}, {"twitch", "outputs/rtmp", "backoff", "dns"}},
			},
			{Path: "live/\x1b[2Jevil", State: "lingering", Viewers: 0, Bitrate: 900, Verdict: "error", Dropped: &some},
			{Path: "live/a-name-that-is-much-longer-than-the-column-is-wide-so-that-it-is-cut", State: "running"},
		},
		Events: []Event{{"output.stalled", at.Add(-time.Second), "live/studio", "twitch"}, {"stream.started", at.Add(-time.Minute), "live/studio", ""}},
	}
	for i := len(b.Streams); i < streams; i++ {
		b.Streams = append(b.Streams, Stream{Path: fmt.Sprintf("live/s%03d", i), State: "running", Viewers: i})
	}
	return b
}

func TestDraw(t *testing.T) {
	for _, c := range []struct {
		name   string
		board  *Board
		screen Screen
	}{
		{"80x24", board(3), Screen{Width: 80, Height: 24}},
		{"many", board(60), Screen{Width: 80, Height: 24}},
		{"colour", board(3), Screen{Width: 100, Height: 24, Colour: true}},
		{"gone", board(3), Screen{Width: 80, Height: 24, Problem: "ask the server: connection refused"}},
		{"narrow", board(3), Screen{Width: 30, Height: 8}},
		{"once", board(20), Screen{Width: 120}},
		{"one", &Board{Address: "http://127.0.0.1:8080", Streams: []Stream{{Path: "live/a", State: "running", Viewers: 1}}}, Screen{Width: 80, Height: 24}},
		{"empty", &Board{Address: "http://127.0.0.1:8080"}, Screen{Width: 80, Height: 24}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Draw(c.board, c.screen)
			lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
			if c.screen.Height > 0 && len(lines) > c.screen.Height {
				t.Errorf("%d lines", len(lines))
			}
			for _, l := range lines {
				if !c.screen.Colour && (utf8.RuneCountInString(l) > c.screen.Width || strings.ContainsRune(l, '\x1b')) {
					t.Errorf("%q", l)
				}
			}
			if strings.Contains(got, "\x1b[2J") {
				t.Error("a stream's name clears the screen")
			}
			golden(t, c.name, got)
		})
	}
}

// golden compares with testdata, or writes it (WEIR_UPDATE=1).
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := "testdata/" + name + ".txt"
	if os.Getenv("WEIR_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(want) != got {
		t.Errorf("%v; got\n%s\nwant\n%s", err, got, want)
	}
}

// A server is asked for streams, their drops and events; what it has not is left out.
func TestAsk(t *testing.T) {
	answers := map[string]string{
		"/v1/streams":                `{"items":[{"path":"live/b","state":"running","viewers":1,"bitrate":7},{"path":"live/a","state":"running","viewers":9}]}`,
		"/v1/streams/live%2Fa/graph": `{"edges":[{"dropped":{"overrun":2,"keyless":3}},{"dropped":{"overrun":1}}]}`,
		"/v1/streams/live%2Fb/graph": `{"edges":[{"dropped":{"overrun":40}}]}`,
		"/v1/events/log":             `{"items":[{"type":"stream.started","stream":"live/a","timestamp":"2026-11-28T14:33:07Z"}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := answers[r.URL.EscapedPath()]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, text)
	}))
	defer server.Close()
	c, err := client.New(server.URL, pipeline.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	for order, first := range map[string]string{"path": "live/a", "viewers": "live/a", "bitrate": "live/b", "drops": "live/b"} {
		b, err := Ask(t.Context(), c, order, 10)
		if err != nil {
			t.Fatal(err)
		}
		if b.Streams[0].Path != first || len(b.Events) != 1 {
			t.Errorf("%s: %+v", order, b)
		}
		for _, s := range b.Streams {
			if want := map[string]uint64{"live/a": 6, "live/b": 40}[s.Path]; s.Dropped == nil || *s.Dropped != want {
				t.Errorf("%s has dropped %v", s.Path, s.Dropped)
			}
		}
	}
	server.Close()
	if _, err := Ask(t.Context(), c, "path", 10); err == nil {
		t.Error("nobody answered, and nothing is wrong")
	}
}
