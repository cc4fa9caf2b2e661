package config

import (
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
		if !isScalarType(f.typ) {
			d.override(value, name, at)
			continue
		}
		text, set := d.loader.Env(name)
		if !set {
			continue
		}
		hint, err := setScalar(value, text)
		if err == nil && len(f.enum) > 0 {
			hint, err = outside(value.String(), f.enum)
		}
		if err != nil {
			d.problem(at, hint, "the environment variable %s: %s", name, err)
		}
	}
}
