package api

import (
	"encoding/json"
	"strings"

	"weir/control/observe"
	"weir/pipeline/media"
)

// TrackOf is what there is to show of a track.
func TrackOf(t *media.Track) Track {
	out := Track{
		ID: string(t.ID), Kind: t.Kind().String(), Codec: codecName(t.Codec), Group: t.Group, Language: t.Language,
		Layers: []Layer{}, Summary: observe.TrackSummary(t),
	}
	for _, l := range t.Layers {
		out.Layers = append(out.Layers, Layer{Name: l.Name, Width: l.Width, Height: l.Height, FPS: l.FPS, Bitrate: l.Bitrate})
	}
	return out
}

// codecName is what people call a codec.
func codecName(c media.Codec) string {
	return strings.NewReplacer("H26", "H.26").Replace(c.String())
}

// detail is what stages agree to say about their work.
type detail struct {
	State   string   `json:"state"`
	Reason  string   `json:"reason"`
	Targets []target `json:"targets"`
}

type target struct {
	State  string `json:"state"`
	Reason string `json:"reason"`
}

// detailOf is that part of a stage's detail.
func detailOf(v any) (d detail, ok bool) {
	if v == nil {
		return d, false
	}
	b, err := json.Marshal(v)
	if err != nil || json.Unmarshal(b, &d) != nil {
		return detail{}, false
	}
	if d.State == "" && len(d.Targets) > 0 {
		d.State, d.Reason = d.Targets[0].State, d.Targets[0].Reason
	}
	return d, true
}
