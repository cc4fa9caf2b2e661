package rtmp

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"weir/pipeline"
	"weir/pipeline/media"
	"weir/pipeline/platform"
	"weir/pipeline/platform/lint"
)

// lintEvery is how often what comes is compared with what the platform wants.
const lintEvery = time.Second

// inspector compares what comes with what the platform wants.
type inspector struct {
	preset  *platform.Preset
	log     *slog.Logger
	meter   lint.Meter
	checked time.Time

	mu       sync.Mutex // guards findings
	findings []pipeline.Finding
}

// unit is called with all that is pushed, before silence is put in.
func (i *inspector) unit(u *media.Unit) {
	i.meter.Unit(u)
	if u.Arrived.Sub(i.checked) < lintEvery {
		return
	}
	i.checked = u.Arrived
	i.found(lint.Check(i.meter.Facts(), i.preset))
}

// found shows findings, and logs those that are new and those that are gone.
func (i *inspector) found(now []pipeline.Finding) {
	i.mu.Lock()
	before := i.findings
	i.findings = now
	i.mu.Unlock()
	without := func(all, those []pipeline.Finding) []pipeline.Finding {
		return slices.DeleteFunc(slices.Clone(all), func(f pipeline.Finding) bool {
			return slices.ContainsFunc(those, func(g pipeline.Finding) bool { return f.Rule == g.Rule })
		})
	}
	for _, f := range without(now, before) {
		i.log.Warn(f.Message, "rule", f.Rule, "severity", f.Severity, "fix", f.Fix)
	}
	for _, f := range without(before, now) {
		i.log.Info("the stream is as "+i.preset.Title+" wants it again", "rule", f.Rule)
	}
}

// last are the latest findings, which are not to be changed.
func (i *inspector) last() []pipeline.Finding {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.findings
}

// demanding is the preset with the codecs that the configuration adds.
func (c *Config) demanding() (*platform.Preset, error) {
	p, err := platform.Named(c.Preset, c.Presets)
	if err != nil {
		return nil, err
	}
	all := c.takes(p)
	p.Codecs = nil
	for _, m := range all {
		p.Codecs = append(p.Codecs, m.String())
	}
	return p, nil
}

// Review implements [pipeline.Reviewer].
func (c *Config) Review(f pipeline.Forecast) (notes []pipeline.Note) {
	p, err := c.demanding()
	if err != nil || len(f.Layers) == 0 {
		return nil // Validate has said so
	}
	at := max(0, slices.IndexFunc(f.Layers, func(l media.Layer) bool { return l.Name == c.Layer }))
	l := f.Layers[at]
	v := &lint.Video{
		Codec: f.Codec, FPS: l.FPS, Bitrate: l.Bitrate, KeyframeMost: f.Keyframes,
		Width: l.Width, Height: cmp.Or(l.Height, l.Width*9/16),
	}
	if v.Width == 0 {
		v.Width = v.Height * 16 / 9
	}
	for _, found := range lint.Check(&lint.Facts{Video: v}, p) {
		notes = append(notes, pipeline.Note{
			Message: fmt.Sprintf("%s [%s]", found.Message, found.Rule),
			Hint:    "change what it reads from, or put a transcode/video in between",
		})
	}
	return notes
}

// Examine implements [pipeline.Examiner].
func (c *Config) Examine(set *media.TrackSet, units []*media.Unit) []pipeline.Finding {
	p, err := c.demanding()
	if err != nil {
		return nil // Validate has said so
	}
	video, layer, audio := c.choose(set)
	var m lint.Meter
	m.Tracks(video, layer, audio)
	for _, u := range units {
		if u.Track == audio || u.Track == video && u.Layer == layer {
			m.Unit(u)
		}
	}
	return lint.Check(m.Facts(), p)
}

var (
	_ pipeline.Reviewer = (*Config)(nil)
	_ pipeline.Examiner = (*Config)(nil)
)
