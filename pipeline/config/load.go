package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"weir/pipeline"
)

// Loader reads configuration files. All fields but Shown must be set; it may be used
// concurrently if they may.
type Loader struct {
	// Registry has the stage types that files may use.
	Registry *pipeline.Registry
	// Env looks an environment variable up, as [os.LookupEnv] does.
	Env func(name string) (string, bool)
	// ReadFile reads a file that a secret names with file:, as [ReadSecret] does.
	ReadFile func(name string) ([]byte, error)
	// Shown takes files as the server shows them, in which "***" stands for each secret: a
	// note says so. Otherwise that is a problem.
	Shown bool
}

// File is a checked file.
type File struct {
	// Name is the name that it was loaded under.
	Name   string
	Server Server
	// Plans are the pipelines in the order of the file.
	Plans []*pipeline.Plan
	// Notes say what will not work as one might think, without being wrong.
	Notes Problems
}

// Load reads a file with the operating system's files and the given environment.
// The File is nil if there are any problems.
func Load(source []byte, filename string, reg *pipeline.Registry, env func(string) (string, bool)) (*File, Problems) {
	l := &Loader{Registry: reg, Env: env, ReadFile: ReadSecret}
	return l.Load(source, filename)
}

// fileSection is the whole of a file. What is a *node here is decoded by itself.
type fileSection struct {
	Server    *node `yaml:"server" doc:"What all pipelines share: listeners, certificate, log."`
	Pipelines *node `yaml:"pipelines" doc:"The pipelines by their paths. A segment in braces is a variable: live/{name} is one instance per stream."`
}

// Load reads a file, which problems call by filename. It reports everything that
// is wrong at once; the File is nil if there is anything.
func (l *Loader) Load(text []byte, filename string) (*File, Problems) {
	clean, f := normalize(text)
	if f != nil {
		lossy := ""
		if len(text) <= maxSource {
			lossy = strings.ToValidUTF8(string(text), "?")
		}
		return nil, broken(newSource(filename, lossy), *f)
	}
	src := newSource(filename, clean)
	root, faults := parse(clean)
	if len(faults) > 0 {
		return nil, broken(src, faults...)
	}
	d := &decoder{loader: l, src: src}
	src.parsed = true
	src.hideByName(root, false)
	file := d.file(root)
	file.Notes = append(file.Notes, d.notes...)
	for i := range d.problems {
		src.quote(&d.problems[i])
	}
	for i := range file.Notes {
		src.quote(&file.Notes[i])
	}
	if len(d.problems) > 0 {
		return nil, d.problems.sorted()
	}
	file.Name, file.Notes = filename, file.Notes.sorted()
	return file, nil
}

// broken are the problems of a text that is not YAML.
func broken(src *source, faults ...fault) Problems {
	var ps Problems
	for _, f := range faults {
		p := Problem{Line: f.at.line, Column: f.at.column, Width: f.at.width, Message: f.message, Hint: f.help}
		src.quote(&p)
		ps = append(ps, p)
	}
	return ps.sorted()
}

func (d *decoder) file(root *node) *File {
	file := &File{Server: DefaultServer()}
	top := place{1, 1, 1}
	if root == nil {
		d.problem(top, "begin with `pipelines:`; `weir graph` without a file shows the built-in one", "the file is empty")
		return file
	}
	var section fileSection
	d.decode(root, root.at, reflect.ValueOf(&section).Elem())
	if s := section.Server; s != nil {
		d.server(s, root.field("server").at, &file.Server)
	} else {
		d.server(&node{}, root.at, &file.Server)
	}
	switch p := section.Pipelines; {
	case root.kind != mappingKind:
	case p == nil:
		d.problem(root.at, "add `pipelines:` with at least one path", "there are no pipelines")
	default:
		file.Plans, file.Notes = d.pipelines(p, root.field("pipelines").at)
	}
	return file
}

func (d *decoder) server(n *node, at place, s *Server) {
	d.decode(n, at, reflect.ValueOf(s).Elem())
	d.override(reflect.ValueOf(s).Elem(), overridePrefix, at)
	d.validated(s.Validate(), n, at)
}

// validated reports what a Validate has said about the value of n, unless it is
// about a place that could not be decoded.
func (d *decoder) validated(err error, n *node, at place) {
	v := &decoder{pipeline: d.pipeline, stage: d.stage}
	v.invalid(err, "", n, at)
	d.consequences(v.problems)
}

// consequences adds problems, except those at a place that has one already.
func (d *decoder) consequences(ps Problems) {
	type spot struct{ line, column int }
	taken := make(map[spot]bool)
	for i := range d.problems {
		taken[spot{d.problems[i].Line, d.problems[i].Column}] = true
	}
	for _, p := range ps {
		if !taken[spot{p.Line, p.Column}] {
			d.problems = append(d.problems, p)
		}
	}
}

func (d *decoder) invalid(err error, path string, n *node, at place) {
	var fe *pipeline.FieldError
	switch joined := err.(type) { //nolint:errorlint // errors.As would find only the first of several
	case nil:
	case interface{ Unwrap() []error }:
		for _, e := range joined.Unwrap() {
			d.invalid(e, path, n, at)
		}
	default:
		if !errors.As(err, &fe) {
			d.problem(n.find(path, at), "", "%s", err)
			return
		}
		if path != "" {
			path += "."
		}
		path += fe.Field
		if inner := new(pipeline.FieldError); errors.As(fe.Err, &inner) {
			d.invalid(fe.Err, path, n, at)
			return
		}
		d.problem(n.find(path, at), fe.Hint, "%s", fe.Err)
	}
}

// ReadSource reads a configuration file, as far as the loader would take it.
func ReadSource(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("open the configuration: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSource+1))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return b, nil
}

// maxSecret bounds a secret's file in bytes.
const maxSecret = 64 << 10

// ReadSecret reads a small regular file.
func ReadSecret(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("open secret: %w", err)
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("open secret: %s is no regular file", name)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return nil, fmt.Errorf("read secret: %w", err)
	}
	if len(b) > maxSecret {
		return nil, fmt.Errorf("%s has more than %d bytes", name, maxSecret)
	}
	return b, nil
}
