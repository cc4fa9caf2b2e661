package mixer

import (
	"strings"
	"testing"

	"weir/pipeline/media"
	"weir/pipeline/platform/lint"
)

// Sound that is cut off for some seconds is a finding, and no more once it has been well
// for a while.
func TestClipping(t *testing.T) {
	loud := &participant{name: "loud", audio: []*lane{{given: &media.Track{ID: "loud/audio"}}}}
	well := &participant{name: "well", audio: []*lane{{given: &media.Track{ID: "well/audio"}}}}
	c := &cast{people: [][]*participant{{loud, well}}}
	hear := func(seconds int, share float64) {
		for range 10 * seconds {
			c.clip(map[media.TrackID]float64{"loud/audio": share})
		}
	}
	hear(5, 0.02)
	got := lint.Clipping(loud.clipped)
	if len(got) != 1 || got[0].Rule != "audio_clipping" || !strings.Contains(got[0].Message, "0.79 % of it is cut off") {
		t.Errorf("%+v", got)
	}
	if got := lint.Clipping(well.clipped); got != nil {
		t.Errorf("%+v", got)
	}
	hear(30, 0)
	if got := lint.Clipping(loud.clipped); got != nil {
		t.Errorf("after half a minute: %+v", got)
	}
}
