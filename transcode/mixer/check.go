package mixer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/pipeline"
)

// checkInputs says which names of a configuration are not those of inputs.
func (c *Config) checkInputs(from []string) error {
	var errs []error
	known := func(field, name string) {
		if slices.Contains(from, name) {
			return
		}
		hint := "the inputs are " + strings.Join(from, ", ")
		if near := pipeline.Nearest(name, from); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		errs = append(errs, pipeline.Fieldf(field, "%q is none of the inputs", name).WithHint(hint))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Inputs)) {
		known("inputs."+name, name)
	}
	for _, scene := range slices.Sorted(maps.Keys(c.Scenes)) {
		for i, b := range c.Scenes[scene].Boxes {
			if b.Input != "" {
				known(fmt.Sprintf("scenes.%s.boxes[%d].input", scene, i), b.Input)
			}
		}
	}
	return errors.Join(errs...)
}
