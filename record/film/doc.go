// Package film makes MP4 files, for editors and for keeping, of recordings that are in a
// store.
//
// A [Film] is such a file, whole and to be read anywhere, that nobody has written: its
// head is made from the descriptions of the fragments, and all else is where it was, in
// the segments of the recording. So it takes little memory and no disk, and is the same
// each time, which lets an upload go on where it stopped.
//
// Where a publisher came back, pictures and sound move together, so that they stay in
// step. Other parameters of the same codec are another description of samples in the
// same file; what one file cannot hold begins another one.
package film
