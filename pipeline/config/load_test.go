package config

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/ring"
)

var update = flag.Bool("update", false, "rewrite the expected texts")

// TestBroken loads each broken file and compares all that is said about it.
func TestBroken(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			file, problems := testLoader(t).Load(text, filepath.Base(name))
			if file != nil || len(problems) == 0 {
				t.Fatal("it loads")
			}
			golden(t, strings.TrimSuffix(name, ".yaml")+".txt", problems.Error()+"\n")
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func load(t *testing.T, text string, more ...pipeline.Factory) *File {
	t.Helper()
	file, problems := testLoader(t, more...).Load([]byte(text), "test.yaml")
	if len(problems) > 0 {
		t.Fatalf("problems:\n%s", problems.Error())
	}
	return file
}

func TestLoad(t *testing.T) {
	file := load(t, `# everything
server:
  http: {listen: "127.0.0.1:${PORT}", connections: 100}
  rtmp: {listen: ""}
  log: {level: debug, format: json}
  drain_timeout: 5s
pipelines:
  live/{name}:
    when: demanded
    linger: 1m
    adapt: audio
    stages:
      cam:
        use: ingest/rtmp
        with: {key: "${KEY}", keys: [env:KEY, "file:/run/secrets/key", 12345, 'a$$b'], grace: "${GRACE}"}
        restart: always
      ladder: {use: transcode/video, from: cam.out, with: {layers: &layers [{name: sd, height: 480, bitrate: 900k}]}}
      again: {use: transcode/video, from: [cam], with: {layers: *layers}}
      hls:
        use: [outputs/hls]
        from: {stage: ladder, port: out, to: in, queue: {hold: 3s, bytes: 8MiB, overrun: drop_oldest}}
        with:
          low_latency: ${YES}
          gap: 1.5
          ports: [1, 65535]
          window: 2h
          memory: 64MiB
  loop:
    when: always
    stages:
      clip: {use: ingest/file, with: {path: "${NOTHING:-clip.mp4}", loop: true}}
      hls:  {use: outputs/hls, from: clip}
`)
	want := DefaultServer()
	want.HTTP = Listener{Listen: "127.0.0.1:1936", Connections: 100}
	want.RTMP.Listen = ""
	want.Log = Log{Level: "debug", Format: "json"}
	want.DrainTimeout = 5 * time.Second
	if !reflect.DeepEqual(file.Server, want) {
		t.Errorf("server = %+v, want %+v", file.Server, want)
	}
	if len(file.Plans) != 2 || len(file.Notes) != 0 {
		t.Fatalf("%d plans, notes %v", len(file.Plans), file.Notes)
	}
	def := file.Plans[0].Def
	if def.When != pipeline.Demanded || def.Linger != time.Minute || def.Adapt != pipeline.AdaptAudio || def.Pattern.String() != "live/{name}" {
		t.Errorf("definition = %+v", def)
	}
	cam := def.Stages[0].Config.(*rtmpConfig)
	var keys []string
	for _, k := range append([]pipeline.Secret{cam.Key}, cam.Keys...) {
		keys = append(keys, k.Reveal())
	}
	if got, want := strings.Join(keys, " "), "s3cret-from-env s3cret-from-env s3cret-from-file 12345 a$b"; got != want {
		t.Errorf("keys = %s, want %s", got, want)
	}
	if cam.Grace != 3*time.Second || def.Stages[0].Restart != pipeline.RestartAlways {
		t.Errorf("cam = %+v", def.Stages[0])
	}
	layers := []layerConfig{{Name: "sd", Height: 480, Bitrate: 900_000}}
	for _, i := range []int{1, 2} {
		if got := def.Stages[i].Config.(*ladderConfig).Layers; !reflect.DeepEqual(got, layers) {
			t.Errorf("layers = %+v", got)
		}
	}
	gap := 1.5
	wantHLS := &hlsConfig{
		LowLatency: true, Part: 200 * time.Millisecond, Window: 2 * time.Hour, Container: "fmp4",
		Memory: 64 << 20, Gap: &gap, Ports: []uint16{1, 65535},
	}
	if got := def.Stages[3].Config; !reflect.DeepEqual(got, wantHLS) {
		t.Errorf("hls = %+v, want %+v", got, wantHLS)
	}
	wantFrom := []pipeline.From{{
		Stage: "ladder", Port: "out", To: "in",
		Queue: pipeline.Queue{Overrun: ring.DropOldest, Hold: 3 * time.Second, Bytes: 8 << 20},
	}}
	if got := def.Stages[3].From; !reflect.DeepEqual(got, wantFrom) {
		t.Errorf("from = %+v, want %+v", got, wantFrom)
	}
	loop := file.Plans[1].Def
	if loop.When != pipeline.Always || loop.Stages[0].Config.(*fileConfig).Path != "clip.mp4" {
		t.Errorf("loop = %+v", loop)
	}
}

// TestChoice expands a list of sources.
func TestChoice(t *testing.T) {
	text := `pipelines:
  live/{name}:
    stages:
      cam: {use: [ingest/rtmp, ingest/whip], with: {key: abc, grace: 1s, codec: av1}}
      hls: {use: outputs/hls, from: cam}
      raw: {use: outputs/hls, from: cam.whip}
`
	def := load(t, text, define(switchType, pipeline.Transform, func() none { return none{} })).Plans[0].Def
	var got []string
	for _, s := range def.Stages {
		words := []string{s.Name, s.Use}
		for _, f := range s.From {
			words = append(words, "<-", f.Stage)
		}
		got = append(got, strings.Join(words, " "))
	}
	want := []string{
		"cam.rtmp ingest/rtmp",
		"cam.whip ingest/whip",
		"cam ingest/switch <- cam.rtmp <- cam.whip",
		"hls outputs/hls <- cam",
		"raw outputs/hls <- cam.whip",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("stages:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	rtmp, whip := def.Stages[0].Config.(*rtmpConfig), def.Stages[1].Config.(*whipConfig)
	if rtmp.Key.Reveal() != "abc" || whip.Key.Reveal() != "abc" || rtmp.Grace != time.Second || whip.Codec != "av1" {
		t.Errorf("with is not shared: %+v %+v", rtmp, whip)
	}
}

// TestOverride sets the server section from the environment.
func TestOverride(t *testing.T) {
	env := map[string]string{
		"WEIR_SERVER__HTTP__LISTEN":      "127.0.0.1:0",
		"WEIR_SERVER__DRAIN_TIMEOUT":     "1s",
		"WEIR_SERVER__LOG__FORMAT":       "json",
		"WEIR_SERVER__RTMP__CONNECTIONS": "7",
	}
	loader := testLoader(t)
	loader.Env = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	const pipelines = "pipelines: {live: {stages: {cam: {use: ingest/rtmp}, hls: {use: outputs/hls, from: cam}}}}\n"
	want := DefaultServer()
	want.HTTP.Listen, want.RTMP.Connections, want.Log.Format, want.DrainTimeout = "127.0.0.1:0", 7, "json", time.Second
	for _, text := range []string{pipelines, "server: {http: {listen: ':80'}}\n" + pipelines} {
		file, problems := loader.Load([]byte(text), "test.yaml")
		if len(problems) > 0 {
			t.Fatal(problems.Error())
		}
		if !reflect.DeepEqual(file.Server, want) {
			t.Errorf("server = %+v, want %+v", file.Server, want)
		}
	}
	env["WEIR_SERVER__LOG__LEVEL"] = "warm"
	env["WEIR_SERVER__DRAIN_TIMEOUT"] = "1"
	_, problems := loader.Load([]byte(pipelines), "test.yaml")
	var got []string
	for _, p := range problems {
		got = append(got, p.Message+" / "+p.Hint)
	}
	wantProblems := []string{
		`the environment variable WEIR_SERVER__DRAIN_TIMEOUT: "1" is no duration such as 200ms, 2s or 2h / add the unit`,
		`the environment variable WEIR_SERVER__LOG__LEVEL: "warm" is none of debug, info, warn, error / did you mean "warn"?`,
	}
	if !reflect.DeepEqual(got, wantProblems) {
		t.Errorf("problems:\n%s", strings.Join(got, "\n"))
	}
}

// TestSecretsStayHidden puts a secret into every corner of files with problems.
func TestSecretsStayHidden(t *testing.T) {
	const canary = "cnry_7f3a"
	for _, text := range []string{
		"pipelines:\n  a:\n    stages:\n      cam: {use: ingest/rtmp, with: {key: cnry_7f3a, grace: 5}}\n",
		"pipelines:\n  a:\n    stages:\n      cam: {use: ingest/rtmp, with: {grace: 5, keys: [cnry_7f3a, 'cnry_7f3a'], x: 1}}\n",
		"pipelines:\n  a:\n    stages:\n      cam: {use: ingest/nope, with: {key: cnry_7f3a}, x: y}\n",
		"pipelines:\n  a:\n    stages:\n      cam: {use: ingest/rtmp, with: {key: [cnry_7f3a]}}\n",
		"pipelines:\n  a:\n    stages:\n      cam: {use: ingest/rtmp, with: {api_token: {a: cnry_7f3a}}}\n",
		"pipelines:\n  a:\n    stages:\n      cam: {use: ingest/rtmp, with: {key: \"cnry_7f3a ${\"}}\n",
		"pipelines:\n  a:\n    stages:\n      cam: {use: ingest/rtmp, with: {key: cnry_7f3a: 5}}\n",
		"key: \"cnry_7f3a\n",
	} {
		_, problems := testLoader(t).Load([]byte(text), "test.yaml")
		if len(problems) == 0 {
			t.Errorf("%s loads", text)
		}
		if strings.Contains(problems.Error(), canary) {
			t.Errorf("the secret shows:\n%s", problems.Error())
		}
	}
}

func TestProblemWithoutExcerpt(t *testing.T) {
	p := Problem{File: "a.yaml", Line: 3, Column: 1, Width: 4, Message: "hm"}
	if got, want := p.String(), "a.yaml:3:1: hm\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// What the server shows can be checked, and not be used.
func TestHiddenSecrets(t *testing.T) {
	const text = `pipelines:
  live/{name}:
    stages:
      cam: {use: ingest/rtmp, with: {key: "***"}}
      hls: {use: outputs/hls, from: cam}
`
	l := testLoader(t)
	if _, problems := l.Load([]byte(text), "weir.yaml"); len(problems) != 1 || problems[0].Line != 4 || !strings.Contains(problems[0].Message, "*** stands for") {
		t.Error(problems)
	}
	l.Shown = true
	file, problems := l.Load([]byte(text), "weir.yaml")
	if len(problems) > 0 || len(file.Notes) != 1 || file.Notes[0].Line != 4 {
		t.Errorf("%v; %+v", problems, file)
	}
}
