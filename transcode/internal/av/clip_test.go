//go:build libav && cgo

package av

import (
	"bytes"
	"cmp"
	"os"
	"slices"
	"testing"

	"github.com/abema/go-mp4"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// clip is a file of testdata/media in access units.
type clip struct {
	set   *media.TrackSet
	units []*media.Unit // by decoding time
}

// readClip reads an MP4 file.
func readClip(t testing.TB, name string) clip {
	t.Helper()
	file, err := os.ReadFile("../../../testdata/media/" + name)
	if err != nil {
		t.Fatal(err)
	}
	info, err := mp4.Probe(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	c := clip{set: &media.TrackSet{Version: 1}}
	for i, trak := range info.Tracks {
		params := readParams(t, file, i)
		id := media.TrackID(params.Codec.Kind().String())
		track := params.Track(id)
		c.set.Tracks = append(c.set.Tracks, track)
		c.units = append(c.units, readUnits(t, file, trak, params, track)...)
	}
	slices.SortStableFunc(c.units, func(a, b *media.Unit) int { return cmp.Compare(a.Time(), b.Time()) })
	return c
}

func readUnits(t testing.TB, file []byte, trak *mp4.Track, params *bitstream.Params, track *media.Track) (units []*media.Unit) {
	t.Helper()
	var dts uint64
	n := 0
	for _, chunk := range trak.Chunks {
		at := chunk.DataOffset
		for range chunk.SamplesPerChunk {
			s := trak.Samples[n]
			au, err := params.Split(bytes.Clone(file[at : at+uint64(s.Size)]))
			if err != nil {
				t.Fatal(err)
			}
			from := media.Rate(trak.Timescale)
			u := &media.Unit{Track: track, Access: au.Access, Flags: au.Flags}
			u.DTS = media.Rescale(media.Ticks(dts), from, track.Rate)
			u.PTS = u.DTS + media.Rescale(media.Ticks(s.CompositionTimeOffset), from, track.Rate)
			units = append(units, u)
			at += uint64(s.Size)
			dts += uint64(s.TimeDelta)
			n++
		}
	}
	return units
}

// readParams reads the configuration of track i.
func readParams(t testing.TB, file []byte, i int) *bitstream.Params {
	t.Helper()
	r := bytes.NewReader(file)
	traks, err := mp4.ExtractBox(r, nil, mp4.BoxPath{mp4.BoxTypeMoov(), mp4.BoxTypeTrak()})
	if err != nil || i >= len(traks) {
		t.Fatal(err)
	}
	for codec, path := range map[media.Codec][2]string{
		media.CodecH264: {"avc1", "avcC"}, media.CodecH265: {"hvc1", "hvcC"}, media.CodecAV1: {"av01", "av1C"},
		media.CodecAAC: {"mp4a", "esds"}, media.CodecOpus: {"Opus", "dOps"},
	} {
		boxes, err := mp4.ExtractBox(r, traks[i], mp4.BoxPath{
			mp4.BoxTypeMdia(), mp4.BoxTypeMinf(), mp4.BoxTypeStbl(), mp4.BoxTypeStsd(),
			mp4.StrToBoxType(path[0]), mp4.StrToBoxType(path[1]),
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(boxes) == 0 {
			continue
		}
		b := boxes[0]
		config := file[b.Offset+b.HeaderSize : b.Offset+b.Size]
		if codec == media.CodecAAC {
			config = []byte{0x11, 0x90} // of all clips: LC, 48 kHz, stereo
		}
		if codec == media.CodecOpus {
			config = bitstream.OpusHead(2, 312)
		}
		p, err := bitstream.Parse(codec, config, bitstream.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	t.Fatalf("track %d is of no codec that this knows", i)
	return nil
}

// kind is the part of a clip that is of one kind.
func (c clip) kind(k media.Kind) clip {
	out := clip{set: &media.TrackSet{Version: 1}}
	for _, t := range c.set.Tracks {
		if t.Kind() == k {
			out.set.Tracks = append(out.set.Tracks, t)
		}
	}
	for _, u := range c.units {
		if u.Kind() == k {
			out.units = append(out.units, u)
		}
	}
	return out
}
