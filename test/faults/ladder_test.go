//go:build e2e

package faults

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/cmd/load"
	"weir/pipeline/media"
	"weir/test/ladder"
	"weir/test/machine"
)

// withLadder is a server that makes four layers of each stream by RTMP: under ladder/ for
// HLS and WebRTC, under hls/ for HLS alone.
func withLadder(t *testing.T, height int) string {
	t.Helper()
	stages := `
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 1s}}` + ladder.Stage(height) +
		`      hls: {use: outputs/hls, from: ladder, with: {low_latency: false, segment: 2s, segments: 40}}
`
	return webrtc + transcoding(t, 8) + "pipelines:\n  hls/{name}:" + stages + "  ladder/{name}:" + stages +
		"      watch: {use: outputs/whep, from: ladder}\n"
}

// packetsOf are those of a layer, and of the sound.
func (v *viewer) packetsOf(layer string) (all []packet) {
	for name, kind := range map[string]media.Kind{"video-" + layer: media.KindVideo, "audio": media.KindAudio} {
		for _, s := range v.samples(name) {
			all = append(all, packet{kind: kind, dts: s.dts, pts: s.pts, hash: s.hash})
		}
	}
	return all
}

// instants are the presentation times of what came of a layer: of all pictures, and of
// the key pictures.
func (v *viewer) instants(layer string) (all, keys []time.Duration) {
	for _, s := range v.samples("video-" + layer) {
		all = append(all, s.pts)
		if s.key {
			keys = append(keys, s.pts)
		}
	}
	slices.Sort(all)
	return all, keys
}

// A ladder of four layers from one decode, of which the first is the source: all have
// pictures at the same instants, key pictures among them, and the source is what was sent.
func TestLadder(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.7)
	s := start(t, withLadder(t, ladder.Height()))
	const path, times = "hls/studio", 2
	clip := ladder.Clip(t, 10, 2)
	sent := played(t, clip, times)
	wait := s.encodeFile(t, path, clip, times)
	v := s.watch(t, path)
	s.await(t, path, 1)
	_, index := s.get("/" + path + "/index.m3u8")
	if n := strings.Count(index, "#EXT-X-STREAM-INF:"); n != len(ladder.Names) {
		t.Errorf("%d variants:\n%s", n, index)
	}
	wait()
	v.end(30 * time.Second)
	judge(t, path, "viewer", sent, v.packetsOf(ladder.Names[0]), nil)
	all, keys := v.instants(ladder.Names[0])
	if len(keys) < 5*times {
		t.Errorf("the source has %d key pictures", len(keys))
	}
	for _, layer := range ladder.Names[1:] {
		its, itsKeys := v.instants(layer)
		foreign := 0
		for _, at := range its {
			if _, found := slices.BinarySearch(all, at); !found {
				foreign++
			}
		}
		// A machine that is busy has left pictures out, but none of the key pictures.
		if foreign > 0 || len(its) < len(all)*9/10 && !s.leftOut(path) {
			t.Errorf("%s has %d pictures, %d of them at other instants than the %d of the source", layer, len(its), foreign, len(all))
		}
		if !slices.Equal(itsKeys, keys) {
			t.Errorf("%s has key pictures at %v, the source at %v", layer, itsKeys, keys)
		}
		figure(t, "ladder", "layer=%s pictures=%d of %d, at other instants: %d; keys=%d of %d, at the same instants: %v",
			layer, len(its), len(all), foreign, len(itsKeys), len(keys), slices.Equal(itsKeys, keys))
	}
	for _, layer := range ladder.Names {
		if layer == ladder.Names[0] || !s.leftOut(path) {
			steady(t, layer, v.samples("video-"+layer))
		}
	}
}

// holes are the times from which and for how long there was no picture of a layer.
func holes(all []time.Duration) (longest time.Duration, n int) {
	for i := range all[min(1, len(all)):] {
		if d := all[i+1] - all[i]; d > 50*time.Millisecond {
			longest, n = max(longest, d), n+1
		}
	}
	return longest, n
}

// R13 and R14 of a ladder in a live programme: what the worker makes is gone for three
// seconds at most, by the times of its pictures; the source, the sound, a viewer by
// WebRTC of the source and another ladder lose nothing.
func TestLadderFalls(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.7)
	s := start(t, withLadder(t, ladder.Height()))
	const path, beside, times = "ladder/studio", "hls/beside", 4
	clip := ladder.Clip(t, 10, 0)
	sent := played(t, clip, times)
	wait, waitBeside := s.encodeFile(t, path, clip, times), s.encode(t, beside, "h264-aac.mp4", 6, "1")
	v, b := s.watch(t, path), s.watch(t, beside)
	s.await(t, path, 1)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	a, left := &load.Audience{}, make(chan error, 1)
	go func() {
		left <- load.Viewers{URL: "http://" + s.http + "/" + path + "/whep?layer=" + ladder.Names[0], Count: 1, Rate: 20}.Run(ctx, a, func() {})
	}()
	eventually(t, 10*time.Second, "the viewer sees the source", func() bool { return a.Pictures.Load() > 30 })
	for _, c := range []struct {
		id     string
		signal syscall.Signal
	}{{"R13", syscall.SIGKILL}, {"R14", syscall.SIGSTOP}} {
		before := s.workers(path)["ladder"]
		if before.PID == 0 {
			t.Fatalf("there is no worker: %v", s.workers(path))
		}
		killed := time.Now()
		if err := syscall.Kill(before.PID, c.signal); err != nil {
			t.Fatal(err)
		}
		eventually(t, 10*time.Second, "another worker", func() bool {
			w := s.workers(path)["ladder"]
			return w.PID != 0 && w.PID != before.PID
		})
		figure(t, c.id, "ladder: signal=%v another_worker_after=%v", c.signal, time.Since(killed))
		pause(t, 5*time.Second)
	}
	if n := a.Freezes.Load() + a.Lost.Load(); n > 0 {
		t.Errorf("the viewer of the source lost %d packets and saw %d freezes", a.Lost.Load(), a.Freezes.Load())
	}
	leave()
	if err := <-left; err != nil || a.Failed.Load() > 0 {
		t.Errorf("the viewer: %v, %v", err, a.Failure())
	}
	wait()
	waitBeside()
	v.end(30 * time.Second)
	b.end(30 * time.Second)
	judge(t, path, "viewer", sent, v.packetsOf(ladder.Names[0]), nil)
	_, keys := v.instants(ladder.Names[0])
	for _, layer := range ladder.Names[1:] {
		its, itsKeys := v.instants(layer)
		longest, n := holes(its)
		if longest > 3*time.Second || n > 2 {
			t.Errorf("%s was gone %d times, for %v", layer, n, longest)
		}
		for _, at := range itsKeys {
			if !slices.Contains(keys, at) && n == 0 {
				t.Errorf("%s has a key picture at %v, the source has none", layer, at)
			}
		}
		figure(t, "R13+R14", "layer=%s pictures=%d holes=%d longest=%v", layer, len(its), n, longest)
	}
	for _, layer := range ladder.Names {
		its, _ := b.instants(layer)
		if longest, n := holes(its); n > 0 {
			t.Errorf("beside, %s was gone %d times, for %v", layer, n, longest)
		}
	}
}
