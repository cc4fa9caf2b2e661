package config

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := Schema(testRegistry(t))
	if err != nil {
		t.Fatal(err)
	}
	return compile(t, text)
}

func compile(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("weir.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("weir.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func instance(t *testing.T, text string) any {
	t.Helper()
	j, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(j))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSchemaIsGolden(t *testing.T) {
	text, err := Schema(testRegistry(t))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/schema.json", string(text))
}

func TestSchemaTakesGoodFiles(t *testing.T) {
	s := compiled(t)
	for _, text := range []string{
		"pipelines: {}",
		`
server: {http: {listen: ":80", connections: 5}, tls: {cert: a, key: b}, drain_timeout: 1m30s, log: {level: warn}}
pipelines:
  live/{name}:
    when: demanded
    linger: 1s
    stages:
      cam: {use: ingest/rtmp, with: {key: "${KEY}", keys: [a, b], grace: 200ms}, restart: never}
      ladder: {use: transcode/video, from: cam.out, with: {layers: [{name: sd, height: 480, bitrate: 2.5M}]}}
      hls: {use: outputs/hls, from: {stage: ladder, queue: {hold: 3s, bytes: 1.5GiB, overrun: fail}}, with: {low_latency: "${X}", gap: 1.5, ports: [1], memory: 64MiB}}
      two: {use: [outputs/hls], from: [cam, {stage: ladder}]}
`,
	} {
		if err := s.Validate(instance(t, text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestSchemaRefusesBadFiles(t *testing.T) {
	s := compiled(t)
	stage := func(text string) string { return "pipelines: {a: {stages: {x: " + text + "}}}" }
	for _, text := range []string{
		"{}",
		"sever: {}\npipelines: {}",
		"pipelines: {a: {}}",
		"pipelines: {a: {when: never, stages: {}}}",
		"pipelines: {a: {stages: {BAD: {use: ingest/rtmp}}}}",
		"server: {http: {listen: 5}}\npipelines: {}",
		"server: {drain_timeout: 5}\npipelines: {}",
		stage("{}"),
		stage("{use: ingest/nope}"),
		stage("{use: []}"),
		stage("{use: ingest/rtmp, with: {kee: 5}}"),
		stage("{use: ingest/rtmp, with: {grace: 10}}"),
		stage("{use: ingest/rtmp, with: 5}"),
		stage("{use: outputs/hls, from: {queue: {}}}"),
		stage("{use: outputs/hls, from: {stage: a, queue: {bytes: 64}}}"),
		stage("{use: outputs/hls, with: {low_latency: 'yes'}}"),
		stage("{use: outputs/hls, with: {container: mpegs}}"),
		stage("{use: outputs/hls, with: {Headers: {}}}"),
		stage("{use: outputs/hls, with: {ports: [-1]}}"),
		stage("{use: transcode/video, with: {layers: [{bitrate: 2.5MB}]}}"),
	} {
		if err := s.Validate(instance(t, text)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

// TestExamplesFitTheirSchema validates configs/*.yaml with the schema beside them,
// which cmd/weir tests to be that of the real stage types.
func TestExamplesFitTheirSchema(t *testing.T) {
	text, err := os.ReadFile("../../configs/weir.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	s := compile(t, text)
	files, err := filepath.Glob("../../configs/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(instance(t, string(text))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
