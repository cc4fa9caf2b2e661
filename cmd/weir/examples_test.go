package main

import (
	"bytes"
	"encoding"
	"io/fs"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"weir/configs"
	"weir/pipeline"
	"weir/pipeline/config"
)

func registry(t *testing.T) *pipeline.Registry {
	t.Helper()
	reg, err := pipeline.NewRegistry(stages(services{})...)
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

// environment has whatever variable an example asks for.
func environment(name string) (string, bool) {
	return "any-text-that-is-long-enough", !strings.HasPrefix(name, "WEIR_SERVER__")
}

// TestExamples: every file in configs loads and names the schema.
func TestExamples(t *testing.T) {
	names, err := fs.Glob(configs.Examples, "*.yaml")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d examples, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			text, err := fs.ReadFile(configs.Examples, name)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(text, []byte("# yaml-language-server: $schema=weir.schema.json\n")) {
				t.Error("the first line does not name the schema")
			}
			if _, problems := config.Load(text, name, registry(t), environment); len(problems) > 0 {
				t.Error(problems.Error())
			}
		})
	}
}

// TestStageExamples: the example of every stage type is a stage that loads.
func TestStageExamples(t *testing.T) {
	for _, f := range stages(services{}) {
		spec := f.Spec()
		t.Run(spec.Type, func(t *testing.T) {
			if spec.Doc == "" || spec.Example == "" {
				t.Fatal("no documentation")
			}
			stage := spec.Example
			if regexp.MustCompile(`(?m)^use:`).MatchString(stage) {
				stage = "stage:\n" + indent(stage, 2)
			}
			text := "pipelines:\n  live/{name}:\n    stages:\n" + indent(stage, 6)
			if spec.Role != pipeline.Source {
				text += "      cam: {use: ingest/rtmp}\n"
			}
			if _, problems := config.Load([]byte(text), "example.yaml", registry(t), environment); len(problems) > 0 {
				t.Error(problems.Error())
			}
		})
	}
}

func indent(text string, by int) string {
	margin := strings.Repeat(" ", by)
	return margin + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+margin) + "\n"
}

// TestConfigurationTags: every field of every configuration has a snake_case name
// and a description; defaults are valid or say what is missing.
func TestConfigurationTags(t *testing.T) {
	for _, f := range stages(services{}) {
		checkTags(t, f.Spec().Type, reflect.TypeOf(f.Config()).Elem())
	}
	checkTags(t, "server", reflect.TypeFor[config.Server]())
}

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

func checkTags(t *testing.T, where string, typ reflect.Type) {
	t.Helper()
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || reflect.PointerTo(typ).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return
	}
	for _, f := range reflect.VisibleFields(typ) {
		if !f.IsExported() || f.Anonymous {
			continue
		}
		if name := f.Tag.Get("yaml"); !snakeCase.MatchString(name) {
			t.Errorf("%s.%s: yaml:%q is not in snake_case", where, f.Name, name)
		}
		if doc := f.Tag.Get("doc"); len(doc) < 4 || !strings.HasSuffix(doc, ".") {
			t.Errorf("%s.%s: doc:%q is no sentence", where, f.Name, doc)
		}
		checkTags(t, where+"."+f.Name, f.Type)
	}
}
