package observe

import (
	"fmt"
	"math"
	"strings"
	"time"

	"weir/pipeline"
	"weir/pipeline/instance"
	"weir/pipeline/media"
)

// summary remembers what was said of a set of tracks, since saying it means to read the
// tracks' configurations.
type summary struct {
	of   *media.TrackSet
	text string
}

// summarize says what comes in, of the source from which something comes.
func (w *watched) summarize(snap *instance.Snapshot, now time.Time) string {
	var set *media.TrackSet
	for i := range snap.Stages {
		st := &snap.Stages[i]
		if st.Role != pipeline.Source {
			continue
		}
		for j := range st.Outputs {
			out := &st.Outputs[j]
			flows := !idle(w.sources[sourceKey{st.Name, out.Port}], now)
			if out.Tracks != nil && len(out.Tracks.Tracks) > 0 && (set == nil || flows) {
				set = out.Tracks
			}
			if set == out.Tracks && flows {
				break
			}
		}
	}
	if set != w.summary.of {
		w.summary = summary{set, Summary(set)}
	}
	return w.summary.text
}

// Summary says what is in a set of tracks: its first video and its first audio track, and
// how many more there are. "" is none.
func Summary(set *media.TrackSet) string {
	if set == nil {
		return ""
	}
	var parts []string
	more := 0
	seen := make(map[media.Kind]bool)
	for _, t := range set.Tracks {
		if seen[t.Kind()] {
			more++
			continue
		}
		seen[t.Kind()] = true
		parts = append(parts, TrackSummary(t))
	}
	text := strings.Join(parts, " + ")
	if more > 0 {
		text += fmt.Sprintf(" + %d more", more)
	}
	return text
}

// TrackSummary is a track in a few words: "H.264 High 1080p30", "AAC 48 kHz".
func TrackSummary(t *media.Track) string {
	words := []string{t.Codec.String()}
	p := profileOf(t)
	if t.Kind() == media.KindAudio {
		if p != "" && p != "LC" {
			words[0] = p + "-" + words[0]
		}
		if t.Rate > 0 {
			words = append(words, number(float64(t.Rate)/1000)+" kHz")
		}
		if t.Channels == 1 {
			words = append(words, "mono")
		}
		return strings.Join(words, " ")
	}
	if p != "" {
		words = append(words, p)
	}
	best := media.Layer{}
	for _, l := range t.Layers {
		if l.Height >= best.Height {
			best = l
		}
	}
	if best.Height > 0 {
		size := fmt.Sprintf("%dp", min(best.Width, best.Height))
		if best.Width == 0 {
			size = fmt.Sprintf("%dp", best.Height)
		}
		words = append(words, size+number(best.FPS))
	}
	if len(t.Layers) > 1 {
		words = append(words, fmt.Sprintf("(%d layers)", len(t.Layers)))
	}
	return strings.Join(words, " ")
}

// number is a figure with as many decimals as it takes, at most two: 30, 29.97, 44.1; ""
// is 0.
func number(f float64) string {
	if f <= 0 {
		return ""
	}
	return fmt.Sprint(math.Round(f*100) / 100)
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.ToValidUTF8(s[:min(len(s), 300)], "")
}
