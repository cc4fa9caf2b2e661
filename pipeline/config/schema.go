package config

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/invopop/jsonschema"

	"weir/pipeline"
)

// Schema is the JSON Schema (draft 2020-12) of files that may use a registry's
// stage types, made from the structs that files are decoded into. Editors check
// and complete with it; the loader is stricter.
func Schema(reg *pipeline.Registry) ([]byte, error) {
	stage := schemaOf(reflect.ValueOf(stageSection{Restart: "auto"}))
	stage.Required = []string{"use"}
	property(stage, "use", useSchema(reg))
	property(stage, "with", &jsonschema.Schema{Type: "object"})
	property(stage, "from", fromSchema())
	defs := jsonschema.Definitions{"stage": stage}
	for _, use := range reg.Types() {
		f, _ := reg.Lookup(use)
		with := schemaOf(reflect.ValueOf(f.Config()).Elem())
		with.Description = f.Spec().Doc
		defs[use] = with
		stage.AllOf = append(stage.AllOf, &jsonschema.Schema{
			If:   object("use", &jsonschema.Schema{Const: use}),
			Then: object("with", &jsonschema.Schema{Ref: "#/$defs/" + escapePointer(use)}),
		})
	}
	pipe := schemaOf(reflect.ValueOf(pipelineSection{When: "published", Adapt: "auto", Linger: defaultLinger}))
	pipe.Required = []string{"stages"}
	property(pipe, "stages", &jsonschema.Schema{
		Type:                 "object",
		PropertyNames:        &jsonschema.Schema{Pattern: stageName.String()},
		AdditionalProperties: &jsonschema.Schema{Ref: "#/$defs/stage"},
	})
	defs["pipeline"] = pipe

	root := schemaOf(reflect.ValueOf(fileSection{}))
	root.Version, root.Title, root.Definitions = jsonschema.Version, "Weir configuration", defs
	root.Required = []string{"pipelines"}
	property(root, "server", schemaOf(reflect.ValueOf(DefaultServer())))
	property(root, "pipelines", &jsonschema.Schema{
		Type:                 "object",
		AdditionalProperties: &jsonschema.Schema{Ref: "#/$defs/pipeline"},
	})
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return append(b, '\n'), nil
}

// property replaces the schema of a property and keeps its description.
func property(s *jsonschema.Schema, name string, with *jsonschema.Schema) {
	if old, ok := s.Properties.Get(name); ok && with.Description == "" {
		with.Description = old.Description
	}
	s.Properties.Set(name, with)
}

// object is "a mapping whose property, if it is there, fits".
func object(name string, value *jsonschema.Schema) *jsonschema.Schema {
	s := &jsonschema.Schema{Properties: jsonschema.NewProperties()}
	s.Properties.Set(name, value)
	if value.Const != nil {
		s.Required = []string{name}
	}
	return s
}

func useSchema(reg *pipeline.Registry) *jsonschema.Schema {
	types := &jsonschema.Schema{Type: "string"}
	for _, use := range reg.Types() {
		types.Enum = append(types.Enum, use)
	}
	one := uint64(1)
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{types, {Type: "array", Items: types, MinItems: &one}}}
}

func fromSchema() *jsonschema.Schema {
	name := &jsonschema.Schema{Type: "string"}
	long := schemaOf(reflect.ValueOf(fromSection{Queue: queueSection{
		Hold: pipeline.DefaultHold, Bytes: pipeline.Bytes(pipeline.DefaultBytes), Overrun: "drop_gop",
	}}))
	long.Required = []string{"stage"}
	edge := []*jsonschema.Schema{name, long}
	list := &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{AnyOf: edge}}
	return &jsonschema.Schema{AnyOf: append(slices.Clone(edge), list)}
}

// schemaOf is the schema of a configuration struct with defaults filled in.
func schemaOf(v reflect.Value) *jsonschema.Schema {
	r := jsonschema.Reflector{
		Anonymous:                  true,
		DoNotReference:             true,
		ExpandedStruct:             true,
		RequiredFromJSONSchemaTags: true,
		FieldNameTag:               "yaml",
		Mapper:                     scalarSchema,
	}
	s := r.ReflectFromType(v.Type())
	s.Version = ""
	annotate(s, v)
	return s
}

// annotate adds what the doc and enum tags and the defaults say, and removes what
// files cannot set.
func annotate(s *jsonschema.Schema, v reflect.Value) {
	if v.Kind() != reflect.Struct || s.Properties == nil {
		return
	}
	fields := fieldsOf(v.Type())
	for pair := s.Properties.Oldest(); pair != nil; {
		name := pair.Key
		pair = pair.Next()
		if !slices.ContainsFunc(fields, func(f structField) bool { return f.name == name }) {
			s.Properties.Delete(name)
		}
	}
	for _, f := range fields {
		p, ok := s.Properties.Get(f.name)
		if !ok {
			continue
		}
		p.Description = f.doc
		for _, word := range f.enum {
			p.Enum = append(p.Enum, word)
		}
		value := v.FieldByIndex(f.index)
		if value.Kind() == reflect.Slice && p.Items != nil {
			annotate(p.Items, reflect.New(value.Type().Elem()).Elem())
		}
		if value.Kind() == reflect.Map && p.AdditionalProperties != nil {
			annotate(p.AdditionalProperties, reflect.New(value.Type().Elem()).Elem())
		}
		if isScalarType(value.Type()) {
			p.Default = defaultOf(value)
		} else {
			annotate(p, value)
		}
	}
}

// defaultOf is a scalar as YAML writes it, or nil if it has no default to speak of.
func defaultOf(v reflect.Value) any {
	switch value := v.Interface().(type) {
	case pipeline.Secret:
		return nil
	case time.Duration:
		return pipeline.FormatDuration(value)
	case encoding.TextMarshaler:
		if text, err := value.MarshalText(); err == nil && len(text) > 0 {
			return string(text)
		}
		return nil
	}
	if v.Kind() == reflect.String && v.Len() == 0 {
		return nil
	}
	return v.Interface()
}

// scalarSchema is the schema of what a single value is decoded into, or nil. Where
// YAML has a type of its own, a text with ${…} will do as well.
func scalarSchema(t reflect.Type) *jsonschema.Schema {
	const variable = `\$\{`
	text := func(pattern, example string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Pattern: pattern + "|" + variable, Examples: []any{example}}
	}
	typed := func(s *jsonschema.Schema) *jsonschema.Schema {
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{s, {Type: "string", Pattern: variable}}}
	}
	switch t {
	case reflect.TypeFor[*node]():
		return &jsonschema.Schema{}
	case reflect.TypeFor[time.Duration]():
		return text(`^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$`, "2s")
	case reflect.TypeFor[pipeline.Bytes]():
		return text(`^(0|[0-9]+(\.[0-9]+)? ?([KMGT]i?|k)?B)$`, "64MiB")
	case reflect.TypeFor[pipeline.Bitrate]():
		return text(`^(0|[0-9]+(\.[0-9]+)? ?([kMG]|[kMG]?bps))$`, "2.5M")
	case reflect.TypeFor[pipeline.Secret]():
		return &jsonschema.Schema{Type: "string", WriteOnly: true} // nobody reads it back
	}
	if !isScalarType(t) {
		return nil
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return &jsonschema.Schema{Type: "string"}
	}
	switch t.Kind() { // the others are whole numbers
	case reflect.String:
		return &jsonschema.Schema{Type: "string"}
	case reflect.Bool:
		return typed(&jsonschema.Schema{Type: "boolean"})
	case reflect.Float64:
		return typed(&jsonschema.Schema{Type: "number"})
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return typed(&jsonschema.Schema{Type: "integer", Minimum: "0"})
	default:
		return typed(&jsonschema.Schema{Type: "integer"})
	}
}

// escapePointer escapes a name for a JSON pointer in a reference.
func escapePointer(name string) string {
	b := make([]byte, 0, len(name)+2)
	for i := range len(name) {
		switch name[i] {
		case '~':
			b = append(b, "~0"...)
		case '/':
			b = append(b, "~1"...)
		default:
			b = append(b, name[i])
		}
	}
	return string(b)
}

// StageSchema is the JSON Schema of what a type of stage takes under `with`.
func StageSchema(f pipeline.Factory) []byte {
	s := schemaOf(reflect.ValueOf(f.Config()).Elem())
	s.Description = f.Spec().Doc
	b, _ := json.Marshal(s) // it is made of texts and numbers
	return b
}
