package mixer

import (
	"strings"
	"testing"

	"weir/pipeline"
)

func TestControl(t *testing.T) {
	c := defaults()
	c.Inputs = map[string]Input{"a": {Gain: -3, Label: "A"}}
	c.Scenes = map[string]Scene{"wide": {Picture: "behind.png", Boxes: []Box{{Width: 100, Height: 100}}}}
	for body, wrong := range map[string]string{
		`{"layout": "wide"}`:                "",
		`{"inputs": {"a": {"mute": true}}}`: "",
		`{"inputs": {"b": {"gain": 6}}}`:    "",
		`{"fade_seconds": 0.5}`:             "",
		`{"layout": "new", "scenes": {"new": {"boxes": [{"input": "a", "x": 10, "width": 50, "height": 50}]}}}`: "",
		`{"scenes": {"wide": {"boxes": []}}}`:                                          "0 boxes",
		`{"scenes": {"wide": {"boxes": [{"x": 60, "width": 50, "height": 50}]}}}`:      "beyond its edge",
		`{"scenes": {"wide": {"boxes": [{"input": "z", "width": 50, "height": 50}]}}}`: "none of the inputs",
		`{"scenes": {"wide": {"picture": "other.png"}}}`:                               "unknown field",
		`{}`:                                "",
		`{"layout": "narrow"}`:              "neither a layout nor a scene",
		`{"inputs": {"c": {"mute": true}}}`: "none of the inputs",
		`{"inputs": {"a": {"gain": 90}}}`:   "90 dB",
		`{"fade_seconds": 1e300}`:           "fade",
		`{"size": "1x1"}`:                   "unknown field",
		`{} {}`:                             "behind",
		`[`:                                 "cannot be read",
		strings.Repeat(" ", mostChange) + `{}    `: "longer than",
	} {
		s := newStage(c, pipeline.Env{}, nil, "")
		s.cast = newCast([]string{"a", "b"})
		err := s.Control([]byte(body))
		switch {
		case (err == nil) != (wrong == ""), err != nil && !strings.Contains(err.Error(), wrong):
			t.Errorf("%.40s: %v", body, err)
		case err != nil && s.config.Layout != c.Layout:
			t.Errorf("%.40s is refused and yet done", body)
		}
	}
	s := newStage(c, pipeline.Env{}, nil, "")
	s.cast = newCast([]string{"a", "b"})
	if err := s.Control([]byte(`{"layout": "wide", "scenes": {"wide": {"boxes": [{"input": "b", "width": 50, "height": 50}]}}, "inputs": {"a": {"mute": true}}}`)); err != nil {
		t.Fatal(err)
	}
	if a := s.config.Inputs["a"]; s.config.Layout != "wide" || !a.Mute || a.Gain != -3 || a.Label != "A" || c.Inputs["a"].Mute {
		t.Errorf("%+v", s.config.Inputs)
	}
	if now, before := s.config.Scenes["wide"], c.Scenes["wide"]; now.Boxes[0].Input != "b" || now.Picture != "behind.png" || before.Boxes[0].Input != "" {
		t.Errorf("the scene is %+v, and was %+v", now, before)
	}
}

// Whatever is sent, what is in force afterwards is a good configuration.
func FuzzControl(f *testing.F) {
	for _, body := range []string{
		`{"layout": "grid", "fade_seconds": 1, "inputs": {"a": {"gain": -6, "mute": false, "label": "x"}}}`,
		`{"layout": null, "inputs": {"a": null}}`, `{"inputs": {"a": {"gain": 1e999}}}`, `{"fade_seconds": -1e300}`, `[[[[`, ``,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := newStage(defaults(), pipeline.Env{}, nil, "")
		s.cast = newCast([]string{"a"})
		_ = s.Control(body)
		if err := s.config.Validate(); err != nil {
			t.Fatal(err)
		}
	})
}
