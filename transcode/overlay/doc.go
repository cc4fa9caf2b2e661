// Package overlay makes the small pictures that are laid over video: a line of text on
// a box, drawn with the Go fonts, which know Latin, Greek and Cyrillic letters, and what
// PNG and JPEG files hold. It is pure Go; what blends them is the worker.
package overlay
