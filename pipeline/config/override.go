package config

import (
	"fmt"
	"reflect"
	"strings"
)

// overridePrefix begins the environment variables that go before the file's server
// section: WEIR_SERVER__HTTP__LISTEN is server.http.listen.
const overridePrefix = "WEIR_SERVER"

// override sets the fields of v for which the environment has a variable. Problems
// are shown at the server section, or where it would be.
func (d *decoder) override(v reflect.Value, prefix string, at place) {
	for _, f := range fieldsOf(v.Type()) {
		name := prefix + "__" + strings.ToUpper(f.name)
		value := v.FieldByIndex(f.index)
		if !isScalarType(f.typ) && f.typ.Kind() != reflect.Slice {
			d.override(value, name, at)
			continue
		}
		text, set := d.loader.Env(name)
		if !set {
			continue
		}
		if f.typ.Kind() == reflect.Slice && !isScalarType(f.typ.Elem()) {
			d.problem(at, "write it into the file", "the environment variable %s cannot hold a list of such entries", name)
			continue
		}
		hint, err := setText(value, text)
		if err == nil && len(f.enum) > 0 {
			hint, err = outside(value.String(), f.enum)
		}
		if err != nil {
			d.problem(at, hint, "the environment variable %s: %s", name, err)
		}
	}
}

// setText sets a scalar, or a list of scalars that are parted by commas.
func setText(v reflect.Value, text string) (hint string, err error) {
	if v.Kind() != reflect.Slice {
		return setScalar(v, text)
	}
	list := reflect.MakeSlice(v.Type(), 0, 0)
	for item := range strings.SplitSeq(text, ",") {
		e := reflect.New(v.Type().Elem()).Elem()
		if hint, err = setScalar(e, strings.TrimSpace(item)); err != nil {
			return hint, err
		}
		if text != "" {
			list = reflect.Append(list, e)
		}
	}
	v.Set(list)
	return "", nil
}

// Variable is an environment variable that goes before the server section of a file.
type Variable struct{ Name, Doc, Default string }

// Variables lists them all, in the order of the section.
func Variables() []Variable {
	server := DefaultServer()
	return variables(reflect.ValueOf(&server).Elem(), overridePrefix)
}

func variables(v reflect.Value, prefix string) []Variable {
	var all []Variable
	for _, f := range fieldsOf(v.Type()) {
		name := prefix + "__" + strings.ToUpper(f.name)
		value := v.FieldByIndex(f.index)
		if !isScalarType(f.typ) && f.typ.Kind() != reflect.Slice {
			if f.typ.Kind() == reflect.Struct {
				all = append(all, variables(value, name)...)
			}
			continue
		}
		text := ""
		if isScalarType(f.typ) && !value.IsZero() {
			text = fmt.Sprint(show(value, reflect.Zero(f.typ)))
		}
		all = append(all, Variable{Name: name, Doc: f.doc, Default: text})
	}
	return all
}
