package arch

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// goPackage is what `go list` says of one package of this module.
type goPackage struct {
	ImportPath, Name, Dir, Doc string
	GoFiles, CgoFiles          []string
	TestGoFiles, XTestGoFiles  []string
	Imports                    []string
}

// path is the import path without the module.
func (p goPackage) path() string { return strings.TrimPrefix(p.ImportPath, "weir/") }

// packages lists the module's packages.
func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-tags", "invariants,e2e,libav",
		"-json=ImportPath,Name,Dir,Doc,GoFiles,CgoFiles,TestGoFiles,XTestGoFiles,Imports", "weir/...")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1") // to see what needs libav; nothing is compiled
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for dec := json.NewDecoder(out); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages", len(all))
	}
	return all
}

// within says whether path is one of the trees or lies in one. "a/*" is each
// package directly in a, with its own tree.
func within(path string, trees ...string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool {
		if parent, ok := strings.CutSuffix(tree, "/*"); ok {
			return strings.HasPrefix(path, parent+"/")
		}
		return path == tree || strings.HasPrefix(path, tree+"/")
	})
}

// layer is one row of the table in DESIGN section 2.
type layer struct {
	name     string
	packages []string
	below    []string // the layers that it may import
	never    []string // of these, what it may not
}

// layers, the first that fits a package being its own.
func layers() []layer {
	return []layer{
		{name: "ground", packages: []string{"pipeline/media", "pipeline/invariants", "configs"}},
		{name: "media", packages: []string{"pipeline/calm", "pipeline/ring", "pipeline/bitstream", "pipeline/timeline", "transcode/wire", "transcode/testcard", "transcode/overlay", "transcode/internal/bus"}, below: []string{"ground"}},
		{
			name: "stages", packages: []string{"pipeline/bridge"},
			below: []string{"ground", "media", "runtime", "services"},
			never: []string{"pipeline/config"},
		},
		{name: "fakes", packages: []string{"transcode/worker/workertest"}, below: []string{"ground", "media", "runtime", "services"}},
		{
			name:     "services",
			packages: []string{"pipeline/*", "transcode/worker", "transcode/rendition"},
			below:    []string{"ground", "media", "runtime"},
		},
		{name: "runtime", packages: []string{"pipeline"}, below: []string{"ground", "media"}},
		// What runs in a worker process, and nowhere else.
		{name: "libav", packages: []string{"transcode/internal/av"}, below: []string{"ground", "media"}},
		{name: "process", packages: []string{"transcode/process"}, below: []string{"ground", "media", "libav"}},
		// What stages of one kind share.
		{name: "shared", packages: []string{"ingest/reception"}, below: []string{"ground", "media", "runtime", "services"}},
		{
			name:     "stages",
			packages: []string{"ingest/*", "transcode/*", "outputs/*", "record", "cluster"},
			below:    []string{"ground", "media", "runtime", "services", "shared"},
			never:    []string{"pipeline/config"},
		},
		{name: "faces", packages: []string{"control", "web"}, below: []string{"ground", "media", "runtime", "services"}},
		// A client of the server, which must not know how it works inside.
		{name: "load", packages: []string{"cmd/load"}, below: []string{"ground", "media", "services", "load"}},
		// What commands do that know no stage: files of other servers, and clients of the API.
		{name: "tools", packages: []string{"cmd/migrate", "cmd/client", "cmd/top", "cmd/bundle"}, below: []string{"ground", "runtime", "services", "tools"}},
		{
			name:     "commands",
			packages: []string{"cmd/*", "test/*"},
			below:    []string{"ground", "media", "runtime", "services", "stages", "faces", "load", "tools", "process"},
		},
	}
}

func layerOf(path string) (layer, bool) {
	all := layers()
	i := slices.IndexFunc(all, func(l layer) bool { return within(path, l.packages...) })
	if i < 0 {
		return layer{}, false
	}
	return all[i], true
}

// family is the part of a path within which packages may import each other: a
// stage and what is internal to it, a package and its children.
func family(path string) string {
	segs := strings.Split(path, "/")
	n := 2
	if within(path, "record", "control") {
		n = 1 // they have no siblings
	}
	if within(path, "pipeline/service") {
		n = 3
	}
	return strings.Join(segs[:min(n, len(segs))], "/")
}

func TestLayers(t *testing.T) {
	for _, p := range packages(t) {
		here, ok := layerOf(p.path())
		if !ok {
			t.Errorf("%s is in no layer: give it one in layers()", p.path())
			continue
		}
		for _, imported := range p.Imports {
			path, ours := strings.CutPrefix(imported, "weir/")
			if !ours || family(path) == family(p.path()) {
				continue
			}
			there, _ := layerOf(path)
			switch {
			case !slices.Contains(here.below, there.name):
				t.Errorf("%s (%s) imports %s (%s)", p.path(), here.name, path, there.name)
			case within(path, here.never...):
				t.Errorf("%s (%s) imports %s, which is not for it", p.path(), here.name, path)
			}
		}
	}
}

// walls lists, for each library or standard package that is kept in its place,
// the packages that may import it.
func walls() map[string][]string {
	return map[string][]string{
		// cmd/load/peer is a client, cheaper than a PeerConnection so that it can come in hundreds.
		"github.com/pion":                    {"pipeline/service/rtc", "ingest/whip", "outputs/whep", "cluster", "pipeline/bitstream/rtp", "cmd/load/peer"},
		"github.com/bluenviron/gohlslib":     {"outputs/hls"},
		"github.com/bluenviron/mediacommon":  {"pipeline/bitstream", "ingest/file", "outputs/hls", "record", "test/mp4"},
		"github.com/abema/go-mp4":            {"ingest/file", "outputs/hls", "record"},
		"github.com/yutopp":                  {"pipeline/service/rtmpd"},
		"github.com/sirupsen/logrus":         {"pipeline/service/rtmpd"},
		"github.com/mitchellh/mapstructure":  {"pipeline/service/rtmpd"},
		"github.com/asticode/go-astiav":      {"transcode/internal/av"},
		"golang.org/x/image":                 {"transcode/overlay"},
		"github.com/elastic":                 {"transcode/worker/seal"},
		"github.com/minio":                   {"pipeline/service/store"},
		"github.com/caddyserver":             {"pipeline/service/acme"},
		"go.opentelemetry.io":                {"control/trace"},
		"go.uber.org/zap":                    {"pipeline/service/acme"},
		"github.com/goccy/go-yaml":           {"pipeline/config"},
		"go.yaml.in":                         {"pipeline/config"},
		"github.com/invopop/jsonschema":      {"pipeline/config"},
		"github.com/prometheus":              {"control"},
		"github.com/danielgtaylor/huma":      {"control"},
		"github.com/golang-jwt":              {"control/auth/jwt"},
		"golang.org/x/crypto":                {"control/auth/password"},
		"github.com/spf13/cobra":             {"cmd/weir"},
		"github.com/coreos/go-systemd":       {"cmd/weir"},
		"os/exec":                            {"transcode/worker", "cmd", "test"},
		"log":                                nil,
		"unsafe":                             {"pipeline/service/rtc/udp", "pipeline/calm"}, // raw system calls
		"math/rand":                          nil,
		"io/ioutil":                          nil,
		"github.com/pkg/errors":              nil,
		"github.com/hashicorp/go-multierror": nil,
	}
}

// fences are the other way round: for each library, the packages that may not
// import it although a wall lets them.
func fences() map[string][]string {
	return map[string][]string{
		// The fan-out is there because a PeerConnection a viewer is too much.
		"github.com/pion/webrtc":      {"pipeline/service/rtc/egress", "outputs/whep", "cmd/load"},
		"github.com/pion/ice":         {"pipeline/service/rtc/egress", "outputs/whep", "cmd/load"},
		"github.com/pion/interceptor": {"pipeline/service/rtc/egress", "outputs/whep"},
	}
}

func TestFences(t *testing.T) {
	all := fences()
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			for library, outside := range all {
				if within(imported, library) && within(p.path(), outside...) {
					t.Errorf("%s imports %s, which is not for it", p.path(), imported)
				}
			}
		}
	}
}

func TestWalls(t *testing.T) {
	all := walls()
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			for library, inside := range all {
				if (imported == library || strings.Contains(library, ".") && within(imported, library)) && !within(p.path(), inside...) {
					t.Errorf("%s imports %s, which is for %q only", p.path(), imported, inside)
				}
			}
		}
	}
}

func TestPackageDocs(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("%s has no documentation", p.path())
		}
		if p.Name == "main" || len(p.GoFiles) == 1 {
			continue
		}
		if _, err := os.Stat(filepath.Join(p.Dir, "doc.go")); err != nil {
			t.Errorf("%s: its documentation belongs in doc.go", p.path())
		}
	}
}

// The rules must be able to fail.
func TestTables(t *testing.T) {
	for path, want := range map[string]string{
		"pipeline": "runtime", "pipeline/media": "ground", "pipeline/bitstream/flv": "media",
		"pipeline/service/httpd": "services", "pipeline/config": "services", "transcode/worker": "services",
		"transcode/wire": "media", "transcode/internal/av": "libav", "transcode/rendition": "services", "ingest/reception": "shared", "transcode/video": "stages", "pipeline/bridge/rtp": "stages", "outputs/hls": "stages", "ingest/file/internal/mp4": "stages",
		"control": "faces", "cmd/weir": "commands", "elsewhere": "",
	} {
		if l, _ := layerOf(path); l.name != want {
			t.Errorf("%s is in %q, want %q", path, l.name, want)
		}
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"ingest/file", "ingest/file/internal/mp4", true},
		{"ingest/file", "ingest/rtmp", false},
		{"pipeline/service/httpd", "pipeline/service/rtmpd", false},
		{"pipeline/bitstream", "pipeline/bitstream/flv", true},
		{"pipeline", "pipeline/config", false},
	} {
		if same := family(c.a) == family(c.b); same != c.same {
			t.Errorf("%s and %s are of one family: %v", c.a, c.b, same)
		}
	}
}
