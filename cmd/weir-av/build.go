//go:build libav && cgo

package main

import "runtime/debug"

// build is the release that this program belongs to, as Go knows it.
func build() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return ""
}
