// Package durable replaces small files: after a crash a reader finds the old file or the
// new one, never a part, and after Replace has returned the new one.
package durable
