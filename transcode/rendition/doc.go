// Package rendition is what the stages that transcode have in common in their
// configurations: how pictures and sound are coded, in which layers, and what that
// takes of the processor.
package rendition
