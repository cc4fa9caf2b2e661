package config

import (
	"encoding/json"
	"strings"
	"testing"

	"weir/pipeline"
)

const template = `# Our channel.
server:
  webrtc:
    turn: {urls: ["turn:relay.example.net"], secret: "s3cr3t-turn", ttl: 1h}
pipelines:
  # Everybody's.
  live/{name}:
    stages:
      cam:   # the camera
        use: ingest/rtmp
        with: {key: 'it''s s3cr3t', keys: ["${KEY:-a}", s3cr3t-two]}
      hls: {use: outputs/hls, from: cam, with: {part: 200ms}}
  # Another.
  show/{name}:
    stages:
      cam: {use: ingest/rtmp, with: {key: env:KEY}}
      hls: {use: outputs/hls, from: cam}
`

func runtimeLoader(t *testing.T) *Loader {
	t.Helper()
	return &Loader{Registry: testRegistry(t), Env: func(name string) (string, bool) { return "from-the-environment", name == "KEY" }, ReadFile: ReadSecret}
}

func definitionOf(t *testing.T, l *Loader, text string, i int) *pipeline.Definition {
	t.Helper()
	file, problems := l.Load([]byte(text), "weir.yaml")
	if file == nil {
		t.Fatal(problems)
	}
	return file.Plans[i].Def
}

func TestExtend(t *testing.T) {
	l := runtimeLoader(t)
	def := definitionOf(t, l, template, 0)
	for _, c := range []struct {
		name    string
		stopped []string
		added   []Addition
		want    string // location: message; or the stages
	}{
		{"nothing", nil, nil, "cam hls"},
		{"stopped", []string{"hls"}, []Addition{{Name: "more", Use: "outputs/hls", From: raw(`"cam"`)}}, "cam more"},
		{"added", nil, []Addition{{Name: "more", Use: "outputs/hls", From: raw(`{"stage":"cam","queue":{"hold":"3s"}}`), With: raw(`{"part":"500ms","ports":[1,2]}`)}}, "cam hls more"},
		{"taken", nil, []Addition{{Name: "hls", Use: "outputs/hls", From: raw(`"cam"`)}}, `name: there is a stage "hls" already`},
		{"unknown type", nil, []Addition{{Name: "more", Use: "outputs/hsl", From: raw(`"cam"`)}}, `use: there is no stage type "outputs/hsl"`},
		{"unknown key", nil, []Addition{{Name: "more", Use: "outputs/hls", From: raw(`"cam"`), With: raw(`{"prat":"1s"}`)}}, `with.prat: unknown key "prat"`},
		{"invalid", nil, []Addition{{Name: "more", Use: "outputs/hls", From: raw(`"cam"`), With: raw(`{"part":"3s"}`)}}, `with.part: 3s is longer than a second`},
		{"in a list", nil, []Addition{{Name: "more", Use: "outputs/hls", From: raw(`"cam"`), With: raw(`{"ports":[1,"x"]}`)}}, `with.ports[1]: `},
		{"from nowhere", nil, []Addition{{Name: "more", Use: "outputs/hls", From: raw(`"cma"`)}}, `from: it reads from "cma", which does not exist`},
		{"environment", nil, []Addition{{Name: "more", Use: "outputs/hls", From: raw(`"cam"`), With: raw(`{"container":"${KEY}"}`)}}, `with.container: ${…} is for the configuration file`},
		{"secret file", nil, []Addition{{Name: "more", Use: "ingest/rtmp", With: raw(`{"key":"file:/etc/passwd"}`)}}, `with.key: env: and file: are for the configuration file`},
		{"no JSON", nil, []Addition{{Name: "more", Use: "outputs/hls", From: raw(`"cam"`), With: raw(`{`)}}, `with: this is not JSON`},
		{"twice", nil, []Addition{{Name: "more", Use: "outputs/hls", From: raw(`"cam"`), With: raw(`{"part":"1s","part":"1s"}`)}}, `with: the key "part" stands twice`},
	} {
		plan, problems := l.Extend(def, def.Pattern.Bind("live/studio"), c.stopped, c.added)
		got := ""
		if plan != nil {
			var names []string
			for _, s := range plan.Def.Stages {
				names = append(names, s.Name)
			}
			got = strings.Join(names, " ")
			if p := plan.Def.Pattern.String(); p != "live/{name=studio}" {
				t.Errorf("%s: at %s", c.name, p)
			}
		} else if len(problems) > 0 {
			got = problems[0].Location + ": " + problems[0].Message
		}
		if plan != nil && got != c.want || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q (%v)", c.name, got, c.want, problems)
		}
	}
	if len(def.Stages) != 2 {
		t.Error("the template was changed")
	}
}

func raw(s string) json.RawMessage { return json.RawMessage(s) }

func TestShow(t *testing.T) {
	l := runtimeLoader(t)
	def := definitionOf(t, l, template, 0)
	f, _ := l.Registry.Lookup("ingest/rtmp")
	b, _ := json.Marshal(Show(f, def.Stages[0].Config))
	if got, want := string(b), `{"key":"***","keys":["***","***"]}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	f, _ = l.Registry.Lookup("outputs/hls")
	b, _ = json.Marshal(Show(f, def.Stages[1].Config))
	if !strings.Contains(string(b), `"part":"200ms"`) && string(b) != "{}" {
		t.Errorf("%s", b)
	}
}

func TestRedactAndRestore(t *testing.T) {
	l := runtimeLoader(t)
	shown := l.Redact([]byte(template))
	if shown == "" || strings.Contains(shown, "s3cr3t") || !strings.Contains(shown, "# the camera") || !strings.Contains(shown, "env:KEY") {
		t.Fatal(shown)
	}
	if strings.Count(shown, pipeline.Redacted) != 4 {
		t.Error(shown)
	}
	back, problems := Restore([]byte(shown), []byte(template), "weir.yaml")
	if string(back) != template || len(problems) > 0 {
		t.Errorf("%s\n%v", back, problems)
	}
	moved := strings.Replace(shown, "live/{name}", "life/{name}", 1)
	if _, problems := Restore([]byte(moved), []byte(template), "weir.yaml"); len(problems) != 3 || problems[0].Line == 0 {
		t.Error(problems)
	}
	if l.Redact([]byte("pipelines: [")) != "" {
		t.Error("a text that does not load is shown")
	}
}

func TestExport(t *testing.T) {
	l := runtimeLoader(t)
	overrides := []Override{
		{Base: "live/{name}", As: "live/{name=studio}", Stopped: []string{"hls"}, Added: []Addition{
			{Name: "more", Use: "outputs/hls", From: raw(`{"stage":"cam"}`), With: raw(`{"container":"fmp4","ports":[1,2],"part":"1s"}`)},
			{Name: "push", Use: "outputs/hls", From: raw(`["cam"]`), With: raw(`{"window":"1m"}`)},
		}},
		{Base: "show/{name}", As: "show/{name}", Added: []Addition{{Name: "more", Use: "outputs/hls", From: raw(`"cam"`)}}},
	}
	flow := `{"pipelines": {"live/{name}": {"stages": {"cam": {"use": "ingest/rtmp"}, "hls": {"use": "outputs/hls", "from": "cam"}}}, "show/{name}": {"stages": {"cam": {"use": "ingest/rtmp"}, "hls": {"use": "outputs/hls", "from": "cam"}}}}}`
	for name, text := range map[string]string{"block": template, "followed": template + "\n# The end.\n", "flow": flow} {
		out, err := Export([]byte(text), overrides)
		if err != nil {
			t.Fatal(err)
		}
		file, problems := l.Load([]byte(out), "export.yaml")
		if file == nil || len(file.Plans) != 3 {
			t.Fatalf("%s: %v\n%s", name, problems, out)
		}
		def := definitionOf(t, l, text, 0)
		want, problems := l.Extend(def, def.Pattern.Bind("live/studio"), overrides[0].Stopped, overrides[0].Added)
		if want == nil {
			t.Fatal(problems)
		}
		for _, p := range file.Plans {
			if p.Def.Pattern.String() == "live/{name=studio}" && !pipeline.Diff(want, p).None() {
				t.Errorf("%s: %s\n%s", name, pipeline.Diff(want, p), out)
			}
			if p.Def.Pattern.String() == "show/{name}" && len(p.Def.Stages) != 3 {
				t.Errorf("%s: show has %d stages\n%s", name, len(p.Def.Stages), out)
			}
		}
		if name != "flow" && (!strings.Contains(out, "# the camera") || !strings.Contains(out, "# Another.")) {
			t.Errorf("comments are lost\n%s", out)
		}
	}
	for _, bad := range []string{"", "pipelines:", "pipelines: {}", "a: ["} {
		if _, err := Export([]byte(bad), nil); err == nil {
			t.Errorf("%q is exported", bad)
		}
	}
}

func TestBoundPatternsTakeTheirPath(t *testing.T) {
	l := runtimeLoader(t)
	_, problems := l.Load([]byte(strings.Replace(template, "show/{name}", "live/{name=a}", 1)+"  live/a: {stages: {cam: {use: ingest/rtmp}, hls: {use: outputs/hls, from: cam}}}\n"), "weir.yaml")
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "same paths") {
		t.Error(problems)
	}
}
