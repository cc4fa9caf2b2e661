package hls

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/pmp4"

	"weir/pipeline/bitstream"
	"weir/pipeline/fmp4"
	"weir/pipeline/media"
)

// clip reads a file of testdata/media as a source would send it, once from the
// epoch on. Units are in the order of their decoding times.
func clip(t testing.TB, name string) (*media.TrackSet, []*media.Unit) {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "testdata", "media", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var p pmp4.Presentation
	if err := p.Unmarshal(f); err != nil {
		t.Fatal(err)
	}
	set := &media.TrackSet{Version: 1}
	var units []*media.Unit
	for _, pt := range p.Tracks {
		params := clipParams(t, pt)
		id := media.TrackID("video")
		if params.Codec.Kind() == media.KindAudio {
			id = "audio"
		}
		track := params.Track(id)
		set.Tracks = append(set.Tracks, track)
		units = append(units, clipUnits(t, track, params, pt)...)
	}
	slices.SortStableFunc(units, func(a, b *media.Unit) int { return int(a.Time() - b.Time()) })
	return set, units
}

func clipUnits(t testing.TB, track *media.Track, params *bitstream.Params, pt *pmp4.Track) []*media.Unit {
	t.Helper()
	var units []*media.Unit
	var dts int64
	for _, s := range pt.Samples {
		payload, err := s.GetPayload()
		if err != nil {
			t.Fatal(err)
		}
		au, err := params.Split(payload)
		if err != nil {
			t.Fatal(err)
		}
		at := func(v int64) media.Ticks { return media.Rescale(media.Ticks(v), media.Rate(pt.TimeScale), track.Rate) }
		units = append(units, &media.Unit{
			Track: track, DTS: at(dts), PTS: at(dts + int64(s.PTSOffset)), Flags: au.Flags, Access: au.Access,
		})
		dts += int64(s.Duration)
	}
	return units
}

func clipParams(t testing.TB, pt *pmp4.Track) *bitstream.Params {
	t.Helper()
	var params *bitstream.Params
	var err error
	switch c := pt.Codec.(type) {
	case *codecs.H264:
		params, err = bitstream.FromSets(media.CodecH264, [][]byte{c.SPS, c.PPS}, bitstream.Limits{})
	case *codecs.H265:
		params, err = bitstream.FromSets(media.CodecH265, [][]byte{c.VPS, c.SPS, c.PPS}, bitstream.Limits{})
	case *codecs.AV1:
		var obus av1.Bitstream
		if err = obus.Unmarshal(c.SequenceHeader); err != nil {
			obus = av1.Bitstream{c.SequenceHeader}
		}
		params, err = bitstream.FromSets(media.CodecAV1, obus, bitstream.Limits{})
	case *codecs.MPEG4Audio:
		var config []byte
		if config, err = c.Config.Marshal(); err == nil {
			params, err = bitstream.Parse(media.CodecAAC, config, bitstream.Limits{})
		}
	case *codecs.Opus:
		params, err = bitstream.Parse(media.CodecOpus, bitstream.OpusHead(c.ChannelCount, 312), bitstream.Limits{})
	default:
		t.Fatalf("unexpected codec %T", c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return params
}

// loop plays a clip n times as items, one after the other without a hole in the
// video: audio that goes on longer is cut.
func loop(set *media.TrackSet, units []*media.Unit, n int) []media.Item {
	var end time.Duration
	lead := media.KindAudio
	if set.HasVideo() {
		lead = media.KindVideo
	}
	for _, u := range units {
		if u.Kind() == lead {
			end = max(end, u.Time()+u.Track.Rate.Duration(fmp4.Nominal(u)))
		}
	}
	items := []media.Item{set}
	for i := range n {
		for _, u := range units {
			if u.Time()+u.Track.Rate.Duration(fmp4.Nominal(u)) > end {
				continue
			}
			v := *u
			shift := u.Track.Rate.Ticks(end * time.Duration(i))
			v.PTS, v.DTS = u.PTS+shift, u.DTS+shift
			items = append(items, &v)
		}
	}
	return items
}
