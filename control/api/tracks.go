package api

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"weir/pipeline/media"
)

// TrackOf is what there is to show of a track.
func TrackOf(t *media.Track) Track {
	out := Track{
		ID: string(t.ID), Kind: t.Kind().String(), Codec: codecName(t.Codec), Group: t.Group, Language: t.Language,
		Layers: []Layer{}, Summary: trackSummary(t),
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

// summaryOf is the first video and the first audio track of a set, and how many others
// there are.
func summaryOf(set *media.TrackSet) string {
	var parts []string
	for _, kind := range []media.Kind{media.KindVideo, media.KindAudio} {
		if i := slices.IndexFunc(set.Tracks, func(t *media.Track) bool { return t.Kind() == kind }); i >= 0 {
			parts = append(parts, trackSummary(set.Tracks[i]))
		}
	}
	text := strings.Join(parts, " + ")
	if more := len(set.Tracks) - len(parts); more > 0 {
		text += fmt.Sprintf(" + %d more", more)
	}
	return text
}

// trackSummary is "H.264 1080p30" or "AAC 48 kHz".
func trackSummary(t *media.Track) string {
	text := codecName(t.Codec)
	if t.Kind() == media.KindAudio {
		if t.Form == media.FormAccess || t.Codec == media.CodecOpus {
			text += " " + fmt.Sprintf("%g kHz", float64(t.Rate)/1000)
		}
		return text
	}
	var best media.Layer
	for _, l := range t.Layers {
		if l.Height >= best.Height {
			best = l
		}
	}
	if best.Height > 0 {
		text += fmt.Sprintf(" %dp", min(best.Width, best.Height))
		if best.FPS > 0 {
			text += fmt.Sprint(math.Round(best.FPS))
		}
	}
	if n := len(t.Layers); n > 1 {
		text += fmt.Sprintf(", %d layers", n)
	}
	return text
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
