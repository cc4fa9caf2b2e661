package canary

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/goccy/go-yaml" //nolint:depguard // to find places in a text, which config does not say
)

// TestEverySecretIsPlanted walks the schema of the configuration: whatever is a secret in it
// must be planted, so that the tests that look for secrets know of it.
func TestEverySecretIsPlanted(t *testing.T) {
	text, err := os.ReadFile("../../configs/weir.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs       map[string]any `json:"$defs"`
		Properties map[string]any
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	taken := secretsOf(schema.Properties["server"], "server")
	for use, with := range schema.Defs {
		taken = append(taken, secretsOf(with, use)...)
	}
	slices.Sort(taken)
	var planted []string
	for _, shared := range []bool{false, true} {
		planted = append(planted, plantedAt(t, shared)...)
	}
	slices.Sort(planted)
	planted = slices.Compact(planted)
	if len(taken) < 15 {
		t.Errorf("the schema has few secrets: %q", taken)
	}
	for _, at := range taken {
		if !slices.Contains(planted, at) {
			t.Errorf("%s is a secret, and none is planted there: plant one", at)
		}
	}
	for _, at := range planted {
		if !slices.Contains(taken, at) {
			t.Errorf("%s is planted, and the schema does not say that it is a secret", at)
		}
	}
}

// secretsOf are the places of a schema that may be written and not read.
func secretsOf(schema any, at string) (all []string) {
	s, ok := schema.(map[string]any)
	if !ok {
		return nil
	}
	if s["writeOnly"] == true {
		all = append(all, at)
	}
	properties, _ := s["properties"].(map[string]any)
	for name, p := range properties {
		all = append(all, secretsOf(p, at+"."+name)...)
	}
	for _, within := range []string{"items", "additionalProperties"} {
		all = append(all, secretsOf(s[within], at+"[]")...)
	}
	for _, way := range []string{"anyOf", "oneOf", "allOf"} {
		ways, _ := s[way].([]any)
		for _, w := range ways {
			all = append(all, secretsOf(w, at)...)
		}
	}
	return all
}

// plantedAt are the places of a planted configuration that have a secret, called as those of
// the schema: stages by their type.
func plantedAt(t *testing.T, shared bool) (all []string) {
	t.Helper()
	s := make(Secrets)
	p := Plant(s, Around{Hash: s.Of("password"), Down: "127.0.0.1:1", Refusing: "http://127.0.0.1:2", Spool: "spool", Shared: shared})
	var file struct {
		Server    any
		Pipelines map[string]struct {
			Stages map[string]struct {
				Use  string
				With any
			}
		}
	}
	text := "server:\n  webrtc: {" + p.WebRTC + "}\n  access: {" + p.Access + "}\n" + p.Server + "pipelines:" + p.Pipelines
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	var walk func(v any, at string)
	walk = func(v any, at string) {
		switch v := v.(type) {
		case map[string]any:
			for name, each := range v {
				walk(each, at+"."+name)
			}
		case []any:
			for _, each := range v {
				walk(each, at+"[]")
			}
		case string:
			if len(s.In(v)) > 0 {
				all = append(all, at)
			}
		}
	}
	walk(file.Server, "server")
	for _, pipe := range file.Pipelines {
		for _, stage := range pipe.Stages {
			walk(stage.With, stage.Use)
		}
	}
	return all
}
