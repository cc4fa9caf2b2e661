package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"weir/pipeline"
)

// decoder fills Go values from nodes and collects what does not fit.
type decoder struct {
	loader *Loader
	src    *source
	// literal: the text is nobody's file, so that references mean nothing in it.
	literal bool
	// pipeline and stage name what is being decoded.
	pipeline, stage string
	// problems have no excerpts yet, because all secrets must be known first.
	problems Problems
	notes    Problems // as well
}

// maxMessage bounds a message, which may quote a value of the file, in bytes.
const maxMessage = 300

func (d *decoder) problem(at place, help, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	d.problems = append(d.problems, Problem{
		Line: at.line, Column: at.column, Width: at.width,
		Message: message, Hint: help,
		Pipeline: d.pipeline, Stage: d.stage,
	})
}

// decode fills v, which keeps what n does not mention. at is where a problem with
// n as a whole is shown.
func (d *decoder) decode(n *node, at place, v reflect.Value) {
	if v.Type() == reflect.TypeFor[*node]() { // decoded later
		v.Set(reflect.ValueOf(n))
		return
	}
	if isScalarType(v.Type()) {
		d.scalar(n, at, v)
		return
	}
	switch v.Kind() { // the test of all registered configurations finds other kinds
	case reflect.Struct:
		d.structure(n, at, v)
	case reflect.Slice:
		d.list(n, at, v)
	case reflect.Map:
		d.mapping(n, at, v)
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.decode(n, at, v.Elem())
	default:
		d.problem(at, "report this as a defect", "a value of type %s cannot be configured", v.Type())
	}
}

func isScalarType(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return true
	}
	switch t.Kind() { // the others are not scalars
	case reflect.String, reflect.Bool, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	default:
		return false
	}
}

// expect reports a node of another kind. Nothing at all is an empty list or mapping.
func (d *decoder) expect(n *node, at place, want kind) bool {
	if n.kind == want || n.kind == nullKind && want != scalarKind {
		return true
	}
	help := ""
	switch {
	case n.kind == nullKind:
		help = "write a value behind the colon, or remove the key"
	case want == mappingKind:
		help = "write {key: value}, or the keys indented on the lines below"
	case want == listKind:
		help = "put it in brackets: [ ]"
	}
	d.problem(at, help, "expected %s, found %s", want, n.kind)
	return false
}

func (d *decoder) structure(n *node, at place, v reflect.Value) {
	if !d.expect(n, at, mappingKind) {
		return
	}
	fields := fieldsOf(v.Type())
	for i := range n.fields {
		f := &n.fields[i]
		j := slices.IndexFunc(fields, func(sf structField) bool { return sf.name == f.key })
		if j < 0 {
			d.unknown(f, names(fields))
			continue
		}
		sf := fields[j]
		before := len(d.problems)
		d.decode(f.value, f.point(), v.FieldByIndex(sf.index))
		if len(d.problems) == before && len(sf.enum) > 0 {
			if hint, err := outside(v.FieldByIndex(sf.index).String(), sf.enum); err != nil {
				d.problem(f.point(), hint, "%s", err)
			}
		}
	}
}

// unknown reports a key that means nothing here.
func (d *decoder) unknown(f *field, known []string) {
	help := "remove it: no keys are known here"
	if len(known) > 0 {
		help = "the keys known here are " + strings.Join(known, ", ")
	}
	d.problem(f.at, didYouMean(f.key, known, help), "unknown key %q", f.key)
}

// didYouMean is a hint at the candidate nearest to a word, or else another help.
func didYouMean(word string, candidates []string, otherwise string) string {
	if len(word) > maxWord {
		return otherwise
	}
	if near := pipeline.Nearest(word, candidates); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return otherwise
}

// maxWord bounds what is compared with known words, in bytes.
const maxWord = 64

// outside says that a word is none of a few, and which it may have been meant to be.
func outside(word string, enum []string) (hint string, err error) {
	if slices.Contains(enum, word) {
		return "", nil
	}
	return didYouMean(word, enum, ""), fmt.Errorf("%q is none of %s", word, strings.Join(enum, ", "))
}

func (d *decoder) list(n *node, at place, v reflect.Value) {
	if !d.expect(n, at, listKind) {
		return
	}
	s := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		d.decode(item, item.at, s.Index(i))
	}
	v.Set(s)
}

func (d *decoder) mapping(n *node, at place, v reflect.Value) {
	if !d.expect(n, at, mappingKind) {
		return
	}
	m := reflect.MakeMap(v.Type())
	for i := range n.fields {
		f := &n.fields[i]
		value := reflect.New(v.Type().Elem()).Elem()
		d.decode(f.value, f.point(), value)
		m.SetMapIndex(reflect.ValueOf(f.key).Convert(v.Type().Key()), value)
	}
	v.Set(m)
}

// structField is a field of a configuration struct as YAML sees it.
type structField struct {
	name, doc string
	enum      []string
	index     []int
	typ       reflect.Type
}

// fieldsOf lists the fields that have a yaml tag. Embedded structs are flattened.
func fieldsOf(t reflect.Type) []structField {
	var fs []structField
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		sf := structField{name: name, doc: f.Tag.Get("doc"), index: f.Index, typ: f.Type}
		if words, ok := f.Tag.Lookup("enum"); ok {
			sf.enum = strings.Split(words, ",")
		}
		fs = append(fs, sf)
	}
	return fs
}

func names(fs []structField) []string {
	ns := make([]string, len(fs))
	for i := range fs {
		ns[i] = fs[i].name
	}
	return ns
}
