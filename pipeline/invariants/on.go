//go:build invariants

package invariants

import "fmt"

// Enabled says whether Assert checks anything. Guard costly conditions with it.
const Enabled = true

// Assert panics with the formatted message if ok is false.
func Assert(ok bool, format string, args ...any) {
	if !ok {
		panic("invariant broken: " + fmt.Sprintf(format, args...)) //nolint:forbidigo // the purpose of this package
	}
}
