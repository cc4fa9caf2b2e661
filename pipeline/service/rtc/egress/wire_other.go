//go:build !linux

package egress

func unsegmented(error) bool { return false }

func isHopeless(error) bool { return false }
