package desired

import (
	"fmt"
	"reflect"
	"strings"

	"weir/pipeline/config"
)

// Within says whether settings of a stage reach no further than the configuration file
// does: what its type calls its reach (pipeline.Spec) is not set, or as some stage of the
// type in the file has it. The error is ErrBeyond.
func (d *Desired) Within(use string, with map[string]any) error {
	f := d.sink(use)
	if f == nil {
		return nil // it is refused for that
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, setting := range f.Spec().Reach {
		v := leaf(with, setting)
		if v == nil {
			continue
		}
		named := false
		for _, plan := range d.file.Plans {
			for i := range plan.Def.Stages {
				s := &plan.Def.Stages[i]
				named = named || s.Use == use && reflect.DeepEqual(leaf(config.Show(f, s.Config), setting), v)
			}
		}
		if !named {
			return fmt.Errorf("%s: %w", setting, ErrBeyond)
		}
	}
	return nil
}

// leaf is the setting of a path such as store.s3.endpoint, or nil.
func leaf(with map[string]any, setting string) any {
	first, rest, deeper := strings.Cut(setting, ".")
	if !deeper {
		return with[first]
	}
	inner, _ := with[first].(map[string]any)
	return leaf(inner, rest)
}

// Count is how many outputs were added to streams that are concerned.
func (d *Desired) Count(concerned func(stream string) bool) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, st := range d.streams {
		if concerned(name) {
			n += len(st.added)
		}
	}
	return n
}
