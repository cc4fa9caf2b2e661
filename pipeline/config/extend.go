package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"weir/pipeline"
)

// Addition is a stage that is added to a pipeline at run time, in the words of a file.
type Addition struct {
	Name string `json:"name"`
	Use  string `json:"use"`
	// With and From are JSON of what a file would say; each may be empty. ${…}, env: and
	// file: are not for it: whoever may add a stage need not be one who may read the
	// server's environment and files.
	With json.RawMessage `json:"with,omitempty"`
	From json.RawMessage `json:"from,omitempty"`
}

// The bounds of an addition.
const (
	maxAddition = 64 << 10 // bytes of JSON
	maxAdded    = 32       // of one stream
)

// Extend makes the plan of a definition at a pattern, without the stages that are stopped
// and with those that are added. Problems say where in the Location.
func (l *Loader) Extend(base *pipeline.Definition, pattern pipeline.Pattern, stopped []string, added []Addition) (*pipeline.Plan, Problems) {
	x := &extension{}
	d := &decoder{loader: l, src: &source{parsed: true}, literal: true, pipeline: pattern.String()}
	def := *base
	def.Pattern, def.Stages = pattern, nil
	stages := &stageDecoder{decoder: d, def: &def, origins: make(map[string]origin)}
	for _, s := range base.Stages {
		if slices.Contains(stopped, s.Name) {
			continue
		}
		def.Stages = append(def.Stages, s)
		stages.origins[s.Name] = origin{stage: s.Name, node: &node{}, at: x.place("stages." + s.Name)}
	}
	root := &node{kind: mappingKind, at: x.place("")}
	if len(added) > maxAdded {
		d.problem(root.at, "remove one", "more than %d stages are added to one stream", maxAdded)
	}
	for _, a := range added {
		if slices.Contains(stopped, a.Name) {
			continue
		}
		if _, taken := stages.origins[a.Name]; taken {
			d.problem(x.place("name"), "choose another name", "there is a stage %q already", a.Name)
			continue
		}
		n, err := x.stage(&a)
		if err != nil {
			d.stage = a.Name
			d.problem(n.at, "", "%s", err)
			d.stage = ""
			continue
		}
		root.fields = append(root.fields, field{key: a.Name, at: x.place("name"), value: n})
	}
	stages.decode(root, root.at)
	f := &field{key: pattern.String(), at: root.at, value: &node{}}
	plan, problems := pipeline.NewPlan(&def, l.Registry)
	d.consequences(stages.placed(problems, f))
	for i := range d.problems {
		d.problems[i].Location = x.places[d.problems[i].Line]
		d.problems[i].Line, d.problems[i].Column, d.problems[i].Width = 0, 0, 0
	}
	if len(d.problems) > 0 {
		return nil, d.problems
	}
	return plan, nil
}

// extension numbers the places of additions, which have no lines.
type extension struct{ places []string }

func (x *extension) place(location string) place {
	x.places = append(x.places, location)
	return place{line: len(x.places) - 1, column: len(x.places)}
}

// stage is an addition as a node.
func (x *extension) stage(a *Addition) (*node, error) {
	n := &node{kind: mappingKind, at: x.place("")}
	n.fields = append(n.fields, field{key: "use", at: x.place("use"), value: &node{kind: scalarKind, at: x.place("use"), text: a.Use}})
	for _, part := range []struct {
		key  string
		text json.RawMessage
	}{{"with", a.With}, {"from", a.From}} {
		switch {
		case len(part.text) > 0:
		case part.key == "with": // so that what is missing in it has a place
			part.text = json.RawMessage("{}")
		default:
			continue
		}
		value, err := x.parse(part.text, part.key)
		if err != nil {
			return &node{at: x.place(part.key)}, err
		}
		n.fields = append(n.fields, field{key: part.key, at: x.place(part.key), value: value})
	}
	return n, nil
}

// parse makes nodes of JSON.
func (x *extension) parse(text []byte, location string) (*node, error) {
	if len(text) > maxAddition {
		return nil, fmt.Errorf("this has %d bytes, the limit is %d", len(text), maxAddition)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	n, err := x.value(dec, location, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON")
	}
	return n, nil
}

func (x *extension) value(dec *json.Decoder, location string, depth int) (*node, error) {
	if depth > maxDepth/2 {
		return nil, errors.New("this is nested too deep")
	}
	t, err := dec.Token()
	if err != nil {
		return nil, fmt.Errorf("this is not JSON: %w", err)
	}
	n := &node{at: x.place(location), weight: 1}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return n, x.object(dec, n, location, depth)
		}
		return n, x.array(dec, n, location, depth)
	case string:
		n.kind, n.text = scalarKind, t
	case json.Number:
		n.kind, n.text, n.plain = scalarKind, t.String(), true
	case bool:
		n.kind, n.text, n.plain = scalarKind, fmt.Sprint(t), true
	}
	if len(n.text) > maxText {
		return nil, fmt.Errorf("a value has %d bytes, the limit is %d", len(n.text), maxText)
	}
	return n, nil
}

func (x *extension) object(dec *json.Decoder, n *node, location string, depth int) error {
	n.kind = mappingKind
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return fmt.Errorf("this is not JSON: %w", err)
		}
		key, _ := t.(string) // nothing else can be a key
		if n.field(key) != nil {
			return fmt.Errorf("the key %.64q stands twice", key)
		}
		at := x.place(location + "." + strings.ToValidUTF8(key[:min(len(key), maxWord)], ""))
		v, err := x.value(dec, x.places[at.line], depth+1)
		if err != nil {
			return err
		}
		n.fields = append(n.fields, field{key: key, at: at, value: v})
	}
	return closed(dec)
}

func (x *extension) array(dec *json.Decoder, n *node, location string, depth int) error {
	n.kind = listKind
	for dec.More() {
		v, err := x.value(dec, fmt.Sprintf("%s[%d]", location, len(n.items)), depth+1)
		if err != nil {
			return err
		}
		n.items = append(n.items, v)
	}
	return closed(dec)
}

func closed(dec *json.Decoder) error {
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("this is not JSON: %w", err)
	}
	return nil
}
