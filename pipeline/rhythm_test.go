package pipeline

import (
	"testing"
	"time"

	"weir/pipeline/media"
)

func TestRhythm(t *testing.T) {
	track := &media.Track{ID: "video", Codec: media.CodecH264, Rate: media.MilliRate}
	var r rhythm
	key := func(ms int64, layer int8, flags media.Flags) time.Duration {
		r.note(&media.Unit{Track: track, Layer: layer, DTS: media.Ticks(ms), Flags: media.Key | flags})
		return time.Duration(r.every.Load())
	}
	for _, c := range []struct {
		ms    int64
		layer int8
		flags media.Flags
		want  time.Duration
	}{
		{1000, 0, 0, 0},
		{1000, 1, 0, 0}, // another layer
		{3000, 0, 0, 2 * time.Second},
		{3000, 0, 0, 2 * time.Second}, // the next packet of the same picture
		{3500, 1, 0, 2 * time.Second},
		{60_000, 0, media.Discontinuity, 2 * time.Second},
		{61_000, 0, 0, time.Second},
	} {
		if got := key(c.ms, c.layer, c.flags); got != c.want {
			t.Errorf("after a key picture of layer %d at %d ms: %v, want %v", c.layer, c.ms, got, c.want)
		}
	}
}
