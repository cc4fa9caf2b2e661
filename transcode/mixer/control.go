package mixer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"time"

	"weir/pipeline"
)

// Reconfigure implements pipeline.Reconfigurer. Layout, scenes, labels, gains and fades
// change in the running programme; what the worker was started with does not. What was
// changed by Control is as configured again.
func (s *stage) Reconfigure(cfg any) (bool, error) {
	next, ok := cfg.(*Config)
	if !ok {
		return false, fmt.Errorf("a %T is no configuration of a mixer", cfg)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !reflect.DeepEqual(next.job(""), s.config.job("")) {
		return false, nil
	}
	s.config = *next
	clear(s.signs.missing)
	s.direct(time.Now())
	return true, nil
}

// Change is what a running programme can be told, as JSON. What is left out stays as it
// is.
type Change struct {
	// Layout is a layout or a scene.
	Layout *string `json:"layout"`
	// FadeSeconds is how long this change, and those after it, take.
	FadeSeconds *float64 `json:"fade_seconds"`
	// Inputs are changes of inputs by name.
	Inputs map[string]InputChange `json:"inputs"`
	// Scenes are changes of scenes by name; one that is not there is added.
	Scenes map[string]SceneChange `json:"scenes"`
}

// SceneChange changes a Scene: its boxes are replaced, and what is behind them stays,
// for a picture is a file of the server's.
type SceneChange struct {
	Boxes []Box `json:"boxes"`
}

// InputChange changes an Input.
type InputChange struct {
	Gain  *float64 `json:"gain"` // in dB
	Mute  *bool    `json:"mute"`
	Label *string  `json:"label"`
}

// mostChange bounds what a change is read from, in bytes.
const mostChange = 64 << 10

// parseChange reads a change. The error is in words for whoever sent it.
func parseChange(body []byte) (c Change, err error) {
	if len(body) > mostChange {
		return c, fmt.Errorf("a change of %d bytes is longer than %d", len(body), mostChange)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("the change cannot be read: %w", err)
	}
	if d.More() {
		return c, errors.New("something stands behind the change")
	}
	return c, nil
}

// Control implements pipeline.Controller: it takes a Change.
func (s *stage) Control(body []byte) error {
	change, err := parseChange(body)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.config.with(change)
	if err := errors.Join(next.Validate(), next.checkInputs(s.cast.inputs)); err != nil {
		return pipeline.Fail(pipeline.Config, "change the mix", err)
	}
	s.config = next
	s.direct(time.Now())
	return nil
}

// with is the configuration after a change.
func (c Config) with(change Change) Config {
	if change.Layout != nil {
		c.Layout = *change.Layout
	}
	if change.FadeSeconds != nil {
		c.Fade = time.Duration(*change.FadeSeconds * float64(time.Second))
	}
	if len(change.Scenes) > 0 {
		scenes := make(map[string]Scene)
		maps.Copy(scenes, c.Scenes)
		for name, to := range change.Scenes {
			scene := scenes[name]
			scene.Boxes = to.Boxes
			scenes[name] = scene
		}
		c.Scenes = scenes
	}
	inputs := make(map[string]Input)
	maps.Copy(inputs, c.Inputs)
	for name, to := range change.Inputs {
		in := inputs[name]
		if to.Gain != nil {
			in.Gain = *to.Gain
		}
		if to.Mute != nil {
			in.Mute = *to.Mute
		}
		if to.Label != nil {
			in.Label = *to.Label
		}
		inputs[name] = in
	}
	c.Inputs = inputs
	return c
}

var (
	_ pipeline.Stage        = (*stage)(nil)
	_ pipeline.Reconfigurer = (*stage)(nil)
	_ pipeline.Controller   = (*stage)(nil)
	_ pipeline.Describer    = (*stage)(nil)
	_ pipeline.InputChecker = factory{}
)
