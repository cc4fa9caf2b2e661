//go:build e2e

package faults

import (
	"testing"
	"time"

	"weir/pipeline/media"
)

// One stream with nothing wrong: the harness itself works.
func TestNothingWrong(t *testing.T) {
	cores.Take(t, 0.15)
	s := start(t, standard)
	p := s.publish(t, "short/plain")
	low, plain := s.watch(t, "short/plain"), s.watchSegments(t, "short/plain")
	p.play(newStream(t, 1, h264(t, 1280, 720), aac(t, 48000)), 8*time.Second)
	p.close()
	for _, v := range []*viewer{low, plain} {
		v.end(20 * time.Second)
		video, audio := whole(t, p, v, true)
		steady(t, "video", v.samples("video"))
		steady(t, "audio", v.samples("audio"))
		off := skew(v.samples("video"), v.samples("audio"), 0)
		if off > 40*time.Millisecond {
			t.Errorf("skew %v", off)
		}
		figure(t, "none", "video: %v, audio: %v, skew=%v", video, audio, off)
	}
	var late time.Duration
	sent := p.of(media.KindVideo)
	for i, got := range low.samples("video") {
		late = max(late, got.arrived.Sub(sent[i].when))
	}
	figure(t, "none", "latency_max=%v", late)
}
