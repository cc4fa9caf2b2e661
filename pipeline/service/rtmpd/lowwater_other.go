//go:build !linux

package rtmpd

// setLowWater does nothing: elsewhere sockets are read as bytes arrive.
func setLowWater(uintptr, int) {}
