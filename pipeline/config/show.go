package config

import (
	"encoding"
	"reflect"
	"time"

	"weir/pipeline"
)

// Show is a configuration in the words of a file, for encoding/json: what differs from
// the defaults of its type, with secrets as "***".
func Show(f pipeline.Factory, cfg any) map[string]any {
	v := reflect.ValueOf(cfg)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return map[string]any{}
	}
	defaults := reflect.ValueOf(f.Config())
	if defaults.Type() != v.Type() {
		return map[string]any{}
	}
	return showStruct(v.Elem(), defaults.Elem())
}

func showStruct(v, defaults reflect.Value) map[string]any {
	out := make(map[string]any)
	for _, f := range fieldsOf(v.Type()) {
		value, usual := v.FieldByIndex(f.index), defaults.FieldByIndex(f.index)
		if reflect.DeepEqual(value.Interface(), usual.Interface()) {
			continue
		}
		out[f.name] = show(value, usual)
	}
	return out
}

// show is a value of any kind that can be configured.
func show(v, usual reflect.Value) any {
	switch value := v.Interface().(type) {
	case time.Duration:
		return pipeline.FormatDuration(value)
	case encoding.TextMarshaler:
		text, err := value.MarshalText()
		if err != nil {
			return nil
		}
		return string(text)
	}
	zero := func(t reflect.Type) reflect.Value { return reflect.New(t).Elem() }
	switch v.Kind() { // the others are scalars
	case reflect.Struct:
		return showStruct(v, usual)
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = show(v.Index(i), zero(v.Type().Elem()))
		}
		return out
	case reflect.Map:
		out := make(map[string]any)
		for _, k := range v.MapKeys() {
			out[k.String()] = show(v.MapIndex(k), zero(v.Type().Elem()))
		}
		return out
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return show(v.Elem(), zero(v.Type().Elem()))
	default:
		return v.Interface()
	}
}
