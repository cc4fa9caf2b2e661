package wire

import (
	"encoding/json"
	"fmt"

	"weir/pipeline/media"
)

// trackSet is a media.TrackSet as JSON.
type trackSet struct {
	Version uint64  `json:"version"`
	Tracks  []track `json:"tracks"`
}

type track struct {
	ID       media.TrackID `json:"id"`
	Codec    Codec         `json:"codec"`
	Rate     media.Rate    `json:"rate"`
	Group    string        `json:"group,omitempty"`
	Language string        `json:"language,omitempty"`
	Layers   []trackLayer  `json:"layers,omitempty"`
	Channels int           `json:"channels,omitempty"`
	Config   []byte        `json:"config,omitempty"` // base64
}

type trackLayer struct {
	Name    string  `json:"name,omitempty"`
	Width   int     `json:"width,omitempty"`
	Height  int     `json:"height,omitempty"`
	FPS     float64 `json:"fps,omitempty"`
	Bitrate int64   `json:"bitrate,omitempty"`
	Config  []byte  `json:"config,omitempty"`
}

func encodeTracks(s *media.TrackSet) ([]byte, error) {
	out := trackSet{Version: s.Version, Tracks: make([]track, len(s.Tracks))}
	for i, t := range s.Tracks {
		if t.Form != media.FormAccess {
			return nil, fmt.Errorf("track %s is not in access units", t.ID)
		}
		w := track{
			ID: t.ID, Codec: Codec(t.Codec), Rate: t.Rate, Group: t.Group, Language: t.Language,
			Channels: t.Channels, Config: t.Config,
		}
		for _, l := range t.Layers {
			w.Layers = append(w.Layers, trackLayer(l))
		}
		out.Tracks[i] = w
	}
	if err := out.check(); err != nil {
		return nil, err
	}
	return json.Marshal(out) //nolint:wrapcheck // cannot fail once it is checked
}

func decodeTracks(b []byte) (*media.TrackSet, error) {
	var in trackSet
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, fmt.Errorf("tracks: %w", err)
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	s := &media.TrackSet{Version: in.Version, Tracks: make([]*media.Track, len(in.Tracks))}
	for i, w := range in.Tracks {
		t := &media.Track{
			ID: w.ID, Codec: media.Codec(w.Codec), Form: media.FormAccess, Rate: w.Rate, Group: w.Group,
			Language: w.Language, Channels: w.Channels, Config: w.Config,
		}
		for _, l := range w.Layers {
			t.Layers = append(t.Layers, media.Layer(l))
		}
		s.Tracks[i] = t
	}
	return s, nil
}

// check says what cannot be.
func (s *trackSet) check() error {
	if len(s.Tracks) > maxTracks {
		return fmt.Errorf("%d tracks, more than %d", len(s.Tracks), maxTracks)
	}
	for i := range s.Tracks {
		if err := s.Tracks[i].check(); err != nil {
			return err
		}
	}
	return nil
}

func (t *track) check() error {
	video := t.Codec.kind() == media.KindVideo
	switch {
	case t.ID == "", t.Rate == 0:
		return fmt.Errorf("track %.20q has no name or no clock", t.ID)
	case t.Codec.kind() == 0:
		return fmt.Errorf("track %.20q has no codec", t.ID)
	case video && len(t.Layers) == 0, !video && len(t.Layers) > 0, len(t.Layers) > maxLayers:
		return fmt.Errorf("track %.20q has %d layers", t.ID, len(t.Layers))
	case len(t.Config) > maxConfig:
		return fmt.Errorf("track %.20q has a configuration of %d bytes", t.ID, len(t.Config))
	case t.Channels < 0, t.Channels > 64:
		return fmt.Errorf("track %.20q has %d channels", t.ID, t.Channels)
	}
	for _, l := range t.Layers {
		if l.Width < 0 || l.Width > maxPixels || l.Height < 0 || l.Height > maxPixels ||
			l.Bitrate < 0 || l.FPS < 0 || len(l.Config) > maxConfig {
			return fmt.Errorf("layer %.20q of track %.20q cannot be so", l.Name, t.ID)
		}
	}
	return nil
}
