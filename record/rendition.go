package record

import (
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/fmp4"
	"weir/pipeline/media"
	"weir/record/spool"
)

// rendition is what stands in one file: its lanes are the tracks of the file.
type rendition struct {
	name  string
	lanes []*lane
}

// arrange makes renditions of the tracks that are recorded: one of picture and sound
// where there is one of each, so that the files can be played by themselves; else one
// for each layer and track.
func arrange(set *media.TrackSet, layers string) (rs []*rendition) {
	var video, audio []*lane
	for _, t := range set.Tracks {
		if t.Kind() == media.KindAudio {
			audio = append(audio, &lane{track: t})
			continue
		}
		for i, layer := range t.Layers {
			if layers == "all" || layers == layer.Name || len(t.Layers) == 1 {
				video = append(video, &lane{track: t, layer: int8(i)})
			}
		}
	}
	all := append(video, audio...)
	if len(video) <= 1 && len(audio) <= 1 {
		if len(all) == 0 {
			return nil
		}
		name := all[0].track.Kind().String()
		if len(all) == 2 {
			name = "video+audio"
		}
		return number([]*rendition{{name: name, lanes: all}})
	}
	for _, l := range all {
		name := string(l.track.ID)
		if l.track.Kind() == media.KindVideo && l.track.Layers[l.layer].Name != "" {
			name += "-" + l.track.Layers[l.layer].Name
		}
		rs = append(rs, &rendition{name: name, lanes: []*lane{l}})
	}
	return number(rs)
}

func number(rs []*rendition) []*rendition {
	for i, r := range rs {
		for n, l := range r.lanes {
			l.part, l.num = i, uint32(n)+1
		}
	}
	return rs
}

// section is the rendition's initialisation section.
func (r *rendition) section() (*spool.Section, error) {
	s := &spool.Section{}
	var streams []fmp4.Stream
	for _, l := range r.lanes {
		t := l.track
		streams = append(streams, fmp4.Stream{Track: t, Layer: l.layer})
		described := spool.Track{
			ID: string(t.ID), Kind: t.Kind().String(), Codec: t.Codec.String(), Rate: uint32(t.Rate),
			Language: t.Language, Channels: t.Channels,
		}
		if t.Kind() == media.KindVideo {
			described.Layer = t.Layers[l.layer].Name
			described.Width, described.Height = fmp4.Size(t, l.layer)
		}
		s.Init.Tracks = append(s.Init.Tracks, described)
		if text, err := bitstream.CodecString(t, l.layer); err == nil {
			s.Init.Codecs = append(s.Init.Codecs, text)
		}
	}
	var err error
	s.Data, err = fmp4.Init(streams...)
	return s, err
}

// usable leaves out of a set what the container cannot carry, and says what that is.
func usable(set *media.TrackSet, leftOut func(*media.Track, error)) *media.TrackSet {
	good := &media.TrackSet{Version: set.Version}
	for _, t := range set.Tracks {
		var err error
		for i := range max(1, len(t.Layers)) {
			if err == nil {
				_, err = fmp4.Init(fmp4.Stream{Track: t, Layer: int8(i)})
			}
		}
		if err != nil {
			leftOut(t, err)
			continue
		}
		good.Tracks = append(good.Tracks, t)
	}
	return good
}

func since(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return max(0, time.Since(t).Seconds())
}
