// Package configs embeds the complete, commented examples that stand beside it.
// Each is checked by `weir check` in the tests, and drawn.
package configs

import "embed"

// Default is the configuration of `weir run` without a file.
//
//go:embed default.yaml
var Default []byte

// Examples are all files.
//
//go:embed *.yaml
var Examples embed.FS
