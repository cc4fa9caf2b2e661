//go:build libav && cgo

package av

import (
	"slices"
	"strings"
	"testing"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// Hardware is used where it works. Where it does not, the processor encodes, and the log
// says why.
func TestHardware(t *testing.T) {
	have := working()
	c := readClip(t, "h264-aac.mp4").kind(media.KindVideo)
	for _, want := range []string{"auto", "none", "nvenc", "vaapi"} {
		t.Run(want, func(t *testing.T) {
			job := wire.Job{Version: wire.Version, Video: keepSize(media.CodecH264)}
			job.Video.HW = want
			r := &result{}
			e, err := New(job, r.take)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			for _, m := range c.messages() {
				if err = e.Handle(m); err != nil {
					break
				}
			}
			if err == nil {
				err = e.End()
			}
			if err != nil || len(r.of(media.KindVideo, 0)) != 180 {
				t.Errorf("%v, %d pictures", err, len(r.units))
			}
			works := want == "none" || slices.Contains(have, want) || want == "auto" && len(have) > 0
			switch {
			case works != (len(r.logs) == 0):
				t.Errorf("works: %v; %+v", works, r.logs)
			case !works && want != "auto" && !strings.Contains(r.logs[0].Attrs["reason"], want):
				t.Errorf("%+v names no %s", r.logs[0], want)
			}
		})
	}
	if _, err := New(wire.Job{Video: &wire.Video{HW: "abacus"}}, nil); err == nil {
		t.Error("an abacus encodes")
	}
}
