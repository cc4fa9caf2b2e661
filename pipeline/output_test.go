package pipeline

import (
	"testing"

	"weir/pipeline/media"
)

// A track may change its clock. What counts as late is a matter of time, not of
// ticks: at 44.1 kHz the same time has fewer of them than at 48 kHz.
func TestOutputComparesTimesNotTicks(t *testing.T) {
	o := newOutput("out")
	track := func(rate media.Rate) *media.Track {
		return &media.Track{ID: "audio", Codec: media.CodecAAC, Form: media.FormAccess, Rate: rate, Channels: 2}
	}
	fine, cd := track(48000), track(44100)
	for _, c := range []struct {
		track *media.Track
		dts   media.Ticks
		sent  bool
	}{
		{fine, 10 * 48000, true},
		{cd, 10*44100 + 941, true}, // 21 ms later
		{cd, 10*44100 + 941, false},
		{fine, 10*48000 + 1024, false}, // the same time again
		{fine, 10*48000 + 2048, true},
		{cd, 10*44100 + 1880, false},
	} {
		o.SetTracks(&media.TrackSet{Tracks: []*media.Track{c.track}})
		before := o.late.Load()
		u := &media.Unit{Track: c.track, PTS: c.dts, DTS: c.dts, Flags: media.Key | media.FrameEnd, Access: [][]byte{{1}}}
		if err := o.Send(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		if sent := o.late.Load() == before; sent != c.sent {
			t.Errorf("DTS %d at %d Hz: sent %v", c.dts, c.track.Rate, sent)
		}
	}
}
