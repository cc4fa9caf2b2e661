package desired

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/pipeline"
	"weir/pipeline/config"
	"weir/pipeline/stagetest"
)

type pushConfig struct {
	URL string          `yaml:"url" doc:"Where to."`
	Key pipeline.Secret `yaml:"key" doc:"The key."`
}

func (c *pushConfig) Validate() error {
	if c.URL == "" {
		return pipeline.Fieldf("url", "nothing says where to").WithHint("write rtmp://host/app")
	}
	return nil
}

func registry(t testing.TB) *pipeline.Registry {
	t.Helper()
	push := pipeline.Define[pushConfig](
		pipeline.Spec{Type: "outputs/push", Role: pipeline.Sink, In: []pipeline.Port{{Name: "in"}}},
		func() pushConfig { return pushConfig{} },
		func(pushConfig, pipeline.Env) (pipeline.Stage, error) { return nil, errors.New("none") })
	reg, err := pipeline.NewRegistry(
		stagetest.Source(nil, nil), (&stagetest.Collector{}).Factory(), push)
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

const yaml = `pipelines:
  live/{name}: # everybody
    stages:
      cam: {use: test/source}
      watch: {use: test/sink, from: cam}
      push: {use: outputs/push, from: cam, with: {url: "rtmp://a/b", key: s3cr3t}}
  cam/door:
    when: always
    stages:
      cam: {use: test/source}
      watch: {use: test/sink, from: cam}
`

// desk is a Desired over a file in a directory of the test's.
type desk struct {
	*Desired
	t      *testing.T
	path   string
	events []string
	plans  []*pipeline.Plan
}

func newDesk(t *testing.T, text string) *desk {
	t.Helper()
	d := &desk{t: t, path: filepath.Join(t.TempDir(), "weir.yaml")}
	if err := os.WriteFile(d.path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	d.open()
	return d
}

// open begins as a new process does.
func (d *desk) open() {
	d.t.Helper()
	var err error
	d.Desired, err = New(Options{
		Name: "weir.yaml", Path: d.path, State: StateFile(strings.TrimSuffix(d.path, ".yaml")), Registry: registry(d.t),
		Read:  func() ([]byte, error) { return os.ReadFile(d.path) },
		Env:   func(string) (string, bool) { return "", false },
		Apply: func(p []*pipeline.Plan) error { d.plans = p; return nil },
		Changed: func(e Event) {
			d.events = append(d.events, strings.Trim(fmt.Sprintf("%s %s %s", e.Type, e.Stream, e.Stage), " "))
		},
		Log: slog.New(slog.NewTextHandler(d.t.Output(), nil)),
	})
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.Begin(); err != nil {
		d.t.Fatal(err)
	}
}

// inForce lists the plans with their stages.
func (d *desk) inForce() string {
	var all []string
	for _, p := range d.plans {
		var names []string
		for _, s := range p.Def.Stages {
			names = append(names, s.Name)
		}
		all = append(all, p.Def.Pattern.String()+" "+strings.Join(names, ","))
	}
	return strings.Join(all, "; ")
}

func (d *desk) expect(want string) {
	d.t.Helper()
	if got := d.inForce(); got != want {
		d.t.Errorf("in force: %q, want %q", got, want)
	}
}

func added(name, with string, persistent bool) Added {
	return Added{Addition: config.Addition{Name: name, Use: "outputs/push", With: json.RawMessage(with)}, Persistent: persistent}
}

const (
	untouched = "live/{name} cam,watch,push; cam/door cam,watch"
	target    = `{"url":"rtmp://b/c","key":"k3y-s3cr3t"}`
)

func TestAdditionsSurviveARestart(t *testing.T) {
	d := newDesk(t, yaml)
	d.expect(untouched)
	o, err := d.Add("live/studio", added("more", target, true), "ann")
	if err != nil {
		t.Fatal(err)
	}
	if o.From != "cam" || !o.Added || !o.Persistent || o.With["key"] != pipeline.Redacted || o.Version == "" {
		t.Errorf("%+v", o)
	}
	if o, err := d.Add("live/studio", added("", target, false), "ann"); err != nil || o.Name != "push-2" {
		t.Errorf("%+v %v", o, err)
	}
	if _, err := d.Add("cam/door", added("", target, true), "ann"); err != nil {
		t.Error(err)
	}
	if _, err := d.Stop("live/other", "watch", true, "ann"); err != nil {
		t.Error(err)
	}
	d.expect("live/{name} cam,watch,push; cam/door cam,watch,push; live/{name=other} cam,push; live/{name=studio} cam,watch,push,more,push-2")
	info, err := os.Stat(StateFile(strings.TrimSuffix(d.path, ".yaml")))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	out, err := d.Export()
	if err != nil || !strings.Contains(out, "push-2") || !strings.Contains(out, "k3y-s3cr3t") || !strings.Contains(out, "# everybody") {
		t.Error(out, err)
	}
	if _, problems := config.Load([]byte(out), "export.yaml", registry(t), os.LookupEnv); len(problems) > 0 {
		t.Errorf("%v\n%s", problems, out)
	}
	if out, err := d.ExportShown(); err != nil || out == "" || strings.Contains(out, "s3cr3t") {
		t.Error(out, err)
	}

	d.open()
	d.expect("live/{name} cam,watch,push; cam/door cam,watch,push; live/{name=other} cam,push; live/{name=studio} cam,watch,push,more")
	if _, err := d.Stop("live/other", "watch", false, "ann"); err != nil {
		t.Error(err)
	}
	for _, at := range []string{"live/studio more", "cam/door push"} {
		path, stage, _ := strings.Cut(at, " ")
		if err := d.Remove(path, stage, "", "ann"); err != nil {
			t.Error(err)
		}
	}
	d.expect(untouched)
	d.open()
	d.expect(untouched)
}

func TestWhatIsRefusedChangesNothing(t *testing.T) {
	d := newDesk(t, yaml)
	if _, err := d.Add("live/studio", added("more", target, true), ""); err != nil {
		t.Fatal(err)
	}
	before, events := d.inForce(), len(d.events)
	add := func(path string, a Added) error { _, err := d.Add(path, a, ""); return err }
	patch := func(stage, with, version string) error {
		_, err := d.Patch("live/studio", stage, json.RawMessage(with), nil, version, "")
		return err
	}
	source := added("x", `{}`, true)
	source.Use = "test/source"
	for name, c := range map[string]struct{ got, want error }{
		"no pipeline":    {add("other/studio", added("x", target, true)), ErrNoPipeline},
		"a name twice":   {add("live/studio", added("more", target, true)), ErrTaken},
		"a declared one": {add("live/studio", added("watch", target, true)), ErrTaken},
		"a source":       {add("live/studio", source), ErrNoOutput},
		"patch declared": {patch("push", target, ""), ErrDeclared},
		"patch none":     {patch("none", target, ""), ErrNoStage},
		"patch a source": {patch("cam", target, ""), ErrNoOutput},
		"old version":    {patch("more", target, "old"), ErrChanged},
		"remove":         {d.Remove("live/studio", "watch", "", ""), ErrDeclared},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	for name, err := range map[string]error{
		"no address":   add("live/studio", added("x", `{}`, true)),
		"bad name":     add("live/studio", added("X x", target, true)),
		"patched away": patch("more", `{"url":null}`, ""),
		"unknown key":  patch("more", `{"ulr":"x"}`, ""),
		"no such hide": patch("more", `{"keys":["***"]}`, ""),
		"a list":       patch("more", `[]`, ""),
		"unknown stage": func() error {
			_, err := d.Patch("live/studio", "more", nil, json.RawMessage(`"nobody"`), "", "")
			return err
		}(),
	} {
		var problems config.Problems
		if !errors.As(err, &problems) || problems[0].Message == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.expect(before)
	if len(d.events) != events {
		t.Error(d.events)
	}
}

func TestPatchKeepsSecrets(t *testing.T) {
	d := newDesk(t, yaml)
	o, err := d.Add("live/studio", added("more", target, true), "")
	if err != nil {
		t.Fatal(err)
	}
	o, err = d.Patch("live/studio", "more", json.RawMessage(`{"url":"rtmp://c/d","key":"***"}`), nil, o.Version, "")
	if err != nil || o.With["url"] != "rtmp://c/d" {
		t.Fatal(o, err)
	}
	if out, _ := d.Export(); !strings.Contains(out, "k3y-s3cr3t") || !strings.Contains(out, "rtmp://c/d") {
		t.Error(out)
	}
	last := o.Version
	o, err = d.Patch("live/studio", "more", json.RawMessage(`{"key":"another"}`), nil, "", "")
	if err != nil || o.Version == last {
		t.Error("a changed secret is the same version", err)
	}
}

func TestTheFileChanges(t *testing.T) {
	d := newDesk(t, yaml)
	if _, err := d.Add("live/studio", added("more", target, true), ""); err != nil {
		t.Fatal(err)
	}
	shown := d.Show()
	if strings.Contains(shown.YAML, "s3cr3t") || !shown.Writable {
		t.Error(shown)
	}
	next := strings.Replace(shown.YAML, "    when: always\n", "    when: demanded\n", 1)
	next = strings.Replace(next, "rtmp://a/b", "rtmp://a/z", 1)
	changes, problems := d.Check([]byte(next))
	if len(problems) > 0 || len(changes) != 3 || changes[0].What != "1 stage restarts (push), 2 untouched" || changes[0].Restarts != 1 {
		t.Error(changes, problems)
	}
	if _, err := d.Replace([]byte(next), "old", "ann"); !errors.Is(err, ErrChanged) {
		t.Error(err)
	}
	r, err := d.Replace([]byte(next), shown.Version, "ann")
	if err != nil || r.Version == shown.Version || r.Restart {
		t.Fatal(r, err)
	}
	on, _ := os.ReadFile(d.path)
	if text := string(on); !strings.Contains(text, "s3cr3t") || !strings.Contains(text, "# everybody") || !strings.Contains(text, "rtmp://a/z") {
		t.Error(text)
	}
	if info, _ := os.Stat(d.path); info.Mode().Perm() != 0o644 {
		t.Error(info.Mode())
	}
	var refused config.Problems
	if _, err := d.Replace([]byte("pipelines: {}"), "", "ann"); !errors.As(err, &refused) {
		t.Error(err)
	}
	if err := os.WriteFile(d.path, []byte("pipelines: ["), 0o644); err != nil {
		t.Fatal(err)
	}
	d.Reload()
	if d.Show().Version != r.Version {
		t.Error("a broken file is in force")
	}
	if got := strings.Join(d.events, ", "); got != "output.added live/studio more, config.applied, config.refused" {
		t.Error(got)
	}
	// Without the template, what was added waits for it.
	if err := os.WriteFile(d.path, []byte(strings.Replace(yaml, "live/{name}", "show/{name}", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	d.Reload()
	d.expect("show/{name} cam,watch,push; cam/door cam,watch")
	history := d.History()
	if len(history) != 3 || !history[0].InForce || history[1].By != "ann" || history[2].ID != shown.Version {
		t.Error(history)
	}
	if err := os.WriteFile(d.path, on, 0o644); err != nil {
		t.Fatal(err)
	}
	d.open() // from the disk
	if got := d.History(); len(got) != 3 || got[0].ID != r.Version || got[2].ID != shown.Version {
		t.Error(got)
	}
	if _, err := d.Revert(shown.Version, "", "bob"); err != nil {
		t.Error(err)
	}
	d.expect("live/{name} cam,watch,push; cam/door cam,watch; live/{name=studio} cam,watch,push,more")
	if on, _ := os.ReadFile(d.path); string(on) != yaml {
		t.Errorf("%s", on)
	}
	if _, err := d.Revert("nothing", "", ""); !errors.Is(err, ErrNoVersion) {
		t.Error(err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	d := newDesk(t, yaml)
	for i := range 2 * maxVersions {
		if _, err := d.Replace([]byte(yaml+fmt.Sprintf("# %d\n", i)), "", ""); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(d.shelf())
	if err != nil || len(entries) > maxVersions || len(d.History()) != maxVersions {
		t.Error(len(entries), len(d.History()), err)
	}
	for _, e := range entries {
		if info, _ := e.Info(); info.Mode().Perm() != 0o600 {
			t.Error(e.Name(), info.Mode())
		}
	}
}

func TestABuiltInFileIsNotWritten(t *testing.T) {
	d, err := New(Options{
		Name: "default.yaml", Registry: registry(t), Log: slog.New(slog.DiscardHandler),
		Read: func() ([]byte, error) { return []byte(yaml), nil }, Env: os.LookupEnv,
		Apply: func([]*pipeline.Plan) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Replace([]byte(yaml+"#\n"), "", ""); !errors.Is(err, ErrReadOnly) || d.Show().Writable {
		t.Error(err)
	}
	if _, err := d.Add("live/a", added("", target, true), ""); err != nil {
		t.Error(err)
	}
}

func TestABrokenStateIsSaid(t *testing.T) {
	for _, text := range []string{"", "{}", `{"version":2}`, `{"version":1,"x":1}`, `{"version":1,"streams":{"../a":{}}}`, `{"version":1} {}`, `{"version":1,"streams":{"a":{"stages":[{"name":"x"},{"name":"x"}]}}}`} {
		if _, err := parseState([]byte(text)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

func FuzzState(f *testing.F) {
	f.Add([]byte(`{"version":1,"streams":{"live/studio":{"stages":[{"name":"more","use":"outputs/push","from":"cam","with":{"url":"rtmp://b/c"}}],"stopped":["watch"]}}}`))
	f.Add([]byte(`{"version":1,"streams":{}}`))
	f.Add([]byte(`{"version":1,"streams":{"a":{"stages":[{"name":"","with":[[[[1e999]]]]}]}}}`))
	reg := registry(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		streams, err := parseState(text)
		if err != nil {
			return
		}
		again, err := parseState(encodeState(streams))
		if err != nil || string(encodeState(again)) != string(encodeState(streams)) {
			t.Fatalf("%s is not what it was: %v", text, err)
		}
		d := &Desired{loader: &config.Loader{Registry: reg, Env: os.LookupEnv, ReadFile: config.ReadSecret}, streams: streams}
		file, problems := d.loader.Load([]byte(yaml), "weir.yaml")
		if file == nil {
			t.Fatal(problems)
		}
		for path, st := range streams {
			if len(st.added) < 8 {
				d.derive(file, path, st)
			}
		}
	})
}
