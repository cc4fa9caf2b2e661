//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/test/ladder"
	"weir/test/machine"
	"weir/test/netimp"
)

// withLadder is a pipeline of a ladder for HLS and for WebRTC.
func withLadder() string {
	return `
  live/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 4s}}` + ladder.Stage(ladder.Height()) +
		`      hls: {use: outputs/hls, from: ladder, with: {low_latency: true}}
      watch: {use: outputs/whep, from: ladder}
`
}

// noWorker skips a test where there is no program that transcodes.
func noWorker(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("../../bin/weir-av"); err != nil {
		t.Skip("bin/weir-av is not built (make libav)")
	}
}

// A ladder by HLS: hls.js goes from each of its four variants to each other one,
// and playback does not stand still.
func TestLadderByHLS(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 1.5)
	noWorker(t)
	w := startWith(t, withLadder())
	w.publishAt(t, "live/studio", ladder.Clip(t, 20, 0))
	<-time.After(8 * time.Second) // there is something to play by HLS
	r := watch(t, "http://"+w.http+"/live/studio", 5, "block=media", "levels=1", "width=1280", "height=800")()
	waits, longest, slowest := 0, 0.0, 100.0
	heights := make(map[int]bool)
	for _, c := range r.Levels {
		heights[c.Level] = true
		waits += c.Waits
		longest, slowest = max(longest, c.Seconds), min(slowest, c.FPS)
		if c.Shown != c.To || c.Level != c.To {
			t.Errorf("%d is shown, and not %d: %+v", c.Shown, c.To, c)
		}
	}
	t.Logf("FIGURE ladder-hls variants=%d changes=%d waits=%d longest=%.1fs slowest=%.1ffps", len(heights), len(r.Levels), waits, longest, slowest)
	if len(heights) != 4 || len(r.Levels) != 13 || waits > 0 {
		t.Errorf("%d variants, %d changes, playback stood still %d times", len(heights), len(r.Levels), waits)
	}
}

// R21 with a ladder: the path to a viewer by WebRTC becomes narrow for half a minute, and
// wide again. The viewer is one of ours, which takes no part of the machine from what it
// watches.
func TestLadderByWebRTC(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.6)
	noWorker(t)
	link, err := netimp.New(t.Context(), 1)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(link.Close)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: link.DialNear}, Timeout: 10 * time.Second}
	w := weir{http: ":8080", rtmp: netimp.Near + ":1935", media: netimp.Near + ":8189"} // for layerNow
	w.run(t, link.AtNear(), client, withLadder())
	w.publishFrom(t, link.AtNear(), "live/studio", ladder.Clip(t, 20, 0))
	<-time.After(5 * time.Second)
	const settle, narrow, after = 20 * time.Second, 25 * time.Second, 20 * time.Second
	wide := netimp.Path{Rate: 10e6, Delay: 10 * time.Millisecond}
	link.Impair(wide, wide)
	saw := crowdOf(t, link.AtFar(), 1, "/live/studio", settle+narrow+after+10*time.Second)
	top := sentLayer(t, client, settle, ladder.Names[0])
	<-time.After(2 * time.Second) // of calm
	link.Impair(netimp.Path{Rate: 1e6, Delay: 10 * time.Millisecond}, wide)
	down := sentLayer(t, client, narrow, ladder.Names[2:]...)
	<-time.After(narrow - down)
	least := layerNow(client)
	link.Impair(wide, wide)
	up := sentLayer(t, client, after, ladder.Names[:2]...)
	lost, freezes := saw()
	t.Logf("FIGURE R21 ladder: top_after=%v down_after=%v lowest=%s up_after=%v freezes=%d lost=%d", top, down, least, up, freezes, lost)
	if down > 3*time.Second || up > 15*time.Second {
		t.Errorf("down to %s after %v, up after %v", least, down, up)
	}
}

// sentLayer is how long it takes until a viewer is sent one of those layers.
func sentLayer(t *testing.T, client *http.Client, within time.Duration, names ...string) time.Duration {
	t.Helper()
	began := time.Now()
	eventually(t, within, fmt.Sprintf("one of %q is sent", names), func() bool { return slices.Contains(names, layerNow(client)) })
	return time.Since(began)
}

// layerNow is the layer that the one viewer is sent.
func layerNow(client *http.Client) string {
	res, err := client.Get("http://127.0.0.1:8080/v1/streams?stages=true") // from there all is said
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	var streams struct {
		Items []struct {
			Stages []struct {
				Name   string
				Detail struct{ Layers map[string]int }
			}
		}
	}
	if json.NewDecoder(res.Body).Decode(&streams) != nil {
		return ""
	}
	for _, s := range streams.Items {
		for _, st := range s.Stages {
			for name, n := range st.Detail.Layers {
				if layer, video := strings.CutPrefix(name, "video/"); st.Name == "watch" && n > 0 && video {
					return layer
				}
			}
		}
	}
	return ""
}
