package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"weir/pipeline"
)

// scalar decodes a single value.
func (d *decoder) scalar(n *node, at place, v reflect.Value) {
	if !d.expect(n, at, scalarKind) {
		return
	}
	if v.Type() == reflect.TypeFor[pipeline.Secret]() {
		d.secret(n, v)
		return
	}
	text, ok := d.expand(n, n.text)
	if !ok {
		return
	}
	// A quoted "5" is a text, unless the quotes are there for ${…} in flow style.
	if !n.plain && text == n.text && strictly(v) {
		d.problem(n.at, "remove the quotes", "expected %s, found a text", wanted(v))
		return
	}
	if help, err := setScalar(v, text); err != nil {
		d.problem(n.at, help, "%s", err)
	}
}

// expand expands ${ENV} in a text of n.
func (d *decoder) expand(n *node, text string) (string, bool) {
	if d.literal {
		if strings.Contains(text, "${") {
			d.problem(n.at, "write the value itself", "${…} is for the configuration file")
			return "", false
		}
		return text, true
	}
	out, err := expand(text, d.loader.Env)
	if err == nil {
		return out, true
	}
	d.problem(d.within(n, err.reference), err.help, "%s", err.message)
	return "", false
}

// within is the place of a piece of n's text, or of n.
func (d *decoder) within(n *node, piece string) place {
	if n.at.line > len(d.src.lines) || n.block {
		return n.at
	}
	runes := []rune(d.src.lines[n.at.line-1])
	if n.at.column-1 > len(runes) {
		return n.at
	}
	before, _, found := strings.Cut(string(runes[n.at.column-1:]), piece)
	if !found {
		return n.at
	}
	return place{n.at.line, n.at.column + utf8.RuneCountInString(before), utf8.RuneCountInString(piece)}
}

// strictly says whether v takes only values without quotes.
func strictly(v reflect.Value) bool {
	return v.Kind() != reflect.String && !isText(v) && v.Type() != reflect.TypeFor[time.Duration]()
}

func isText(v reflect.Value) bool {
	_, ok := v.Addr().Interface().(encoding.TextUnmarshaler)
	return ok
}

func wanted(v reflect.Value) string {
	switch v.Kind() { // the others are numbers
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "a number"
	default:
		return "a whole number"
	}
}

// setScalar sets v from a text, or says what is wrong and what helps.
func setScalar(v reflect.Value, text string) (help string, err error) {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return unitHelp(text), u.UnmarshalText([]byte(text)) //nolint:wrapcheck // shown beside the place
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		return setDuration(v, text)
	}
	switch v.Kind() { // isScalarType has no others
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return "write true or false", fmt.Errorf("expected true or false, found %q", text)
		}
		v.SetBool(text == "true")
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f-f != 0 {
			return "", fmt.Errorf("expected a number, found %q", text)
		}
		v.SetFloat(f)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		u, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil {
			return numberHelp(err), fmt.Errorf("expected a whole number from 0, found %q", text)
		}
		v.SetUint(u)
	default:
		i, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return numberHelp(err), fmt.Errorf("expected a whole number, found %q", text)
		}
		v.SetInt(i)
	}
	return "", nil
}

func setDuration(v reflect.Value, text string) (help string, err error) {
	t, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return unitHelp(text), fmt.Errorf("%q is no duration such as 200ms, 2s or 2h", text)
	case t < 0:
		return "remove the sign", fmt.Errorf("the duration %s is negative", text)
	}
	v.SetInt(int64(t))
	return "", nil
}

// unitHelp is for a value with a unit.
func unitHelp(text string) string {
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return "add the unit"
	}
	return ""
}

func numberHelp(err error) string {
	if errors.Is(err, strconv.ErrRange) {
		return "it is out of range"
	}
	return "write digits only"
}

// secret decodes a secret: itself, env:NAME, or file:/path. No message shows it.
func (d *decoder) secret(n *node, v reflect.Value) {
	if n.text != "" && !secretReference.MatchString(n.text) {
		d.src.secrets = append(d.src.secrets, n.at)
	}
	text, ok := d.secretText(n)
	if ok {
		v.Set(reflect.ValueOf(pipeline.NewSecret(text)))
	}
}

// hidden says of a secret that it is not in the file, and whether that may be so.
func (d *decoder) hidden(n *node) bool {
	const help = "write the secret itself, or env:NAME"
	if !d.loader.Shown {
		d.problem(n.at, help, pipeline.Redacted+" stands for a secret that is not shown")
		return false
	}
	d.notes = append(d.notes, Problem{Line: n.at.line, Column: n.at.column, Width: n.at.width, Message: pipeline.Redacted + " stands for a secret that is not shown", Hint: "before the file is used, " + help})
	return true
}

func (d *decoder) secretText(n *node) (string, bool) {
	if d.literal && (strings.HasPrefix(n.text, "env:") || strings.HasPrefix(n.text, "file:")) {
		d.problem(n.at, "write the secret itself", "env: and file: are for the configuration file")
		return "", false
	}
	if n.text == pipeline.Redacted {
		return n.text, d.hidden(n)
	}
	if name, ok := strings.CutPrefix(n.text, "env:"); ok {
		value, set := d.loader.Env(name)
		if !set {
			d.problem(n.at, "set it", "the environment variable %s is not set", name)
		}
		return value, set
	}
	if raw, ok := strings.CutPrefix(n.text, "file:"); ok {
		name, ok := d.expand(n, raw)
		if !ok {
			return "", false
		}
		b, err := d.loader.ReadFile(name)
		if err != nil {
			d.problem(n.at, "create it, or correct the path", "cannot read the secret: %s", err)
			return "", false
		}
		return strings.TrimRight(string(b), "\r\n"), true
	}
	return d.expand(n, n.text)
}
