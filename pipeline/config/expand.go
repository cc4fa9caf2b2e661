package config

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// variableName is what may stand in ${…}.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expandError is what is wrong with one ${…}.
type expandError struct {
	reference     string // as written, to point at
	message, help string
}

// expand replaces ${NAME} and ${NAME:-default} by the environment's values and $$
// by $. Any other $ stays. The values are not expanded again.
func expand(text string, env func(string) (string, bool)) (string, *expandError) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		out.WriteString(before)
		if out.Len() > maxText {
			return "", &expandError{"${", "the value becomes too long", "shorten the variable"}
		}
		if !found {
			return out.String(), nil
		}
		switch {
		case strings.HasPrefix(rest, "$"):
			out.WriteByte('$')
			text = rest[1:]
		case strings.HasPrefix(rest, "{"):
			inner, after, closed := strings.Cut(rest[1:], "}")
			if !closed {
				return "", &expandError{"${", "${ has no }", "close it, or write $${ for a plain ${"}
			}
			value, err := variable(inner, env)
			if err != nil {
				return "", err
			}
			out.WriteString(value)
			text = after
		default:
			out.WriteByte('$')
			text = rest
		}
	}
}

func variable(inner string, env func(string) (string, bool)) (string, *expandError) {
	name, fallback, hasFallback := strings.Cut(inner, ":-")
	reference := "${" + inner + "}"
	if !variableName.MatchString(name) {
		return "", &expandError{
			reference, fmt.Sprintf("%q is no name of an environment variable", name),
			"write ${NAME} or ${NAME:-default}; write $$ for a plain $",
		}
	}
	value, set := env(name)
	switch {
	case set && utf8.ValidString(value) && (value != "" || !hasFallback):
		return value, nil
	case set && value != "":
		return "", &expandError{reference, "the environment variable " + name + " is not UTF-8", "correct it"}
	case hasFallback:
		return fallback, nil
	default:
		return "", &expandError{
			reference, "the environment variable " + name + " is not set",
			"set it, or write ${" + name + ":-default}",
		}
	}
}
