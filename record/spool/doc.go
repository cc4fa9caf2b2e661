// Package spool is where recordings are until their store has them: a directory of
// plain files that a crash at any instant leaves in order.
//
// # The files
//
// A [Box] is the part of the spool that belongs to one store. In it, each recording has
// a directory, named after its session:
//
//	journal     what the recording consists of, a line of JSON for each thing that happened
//	open/       segments that are being written
//	ready/      segments that are whole, and owed to the store
//	damaged/    segments whose content has changed on this disk
//
// There is no other state. A segment goes from open to ready by a rename, and then gets
// its line in the journal. It is owed for as long as it is in ready, and it is removed
// from there once the store has been seen to have it; so a segment with a line and no
// file is in the store. Playlists and the manifest are made from the journal, of what is
// in the store, and put there behind it.
//
// # Who does what
//
// A [Writer] has a goroutine that alone touches the files of a recording under way. It
// is given fragments through a bounded queue, so nobody ever waits for a disk. The Box
// has one for uploading, which looks at the files and at nothing else: it does not
// matter to it whether a recording is under way, has ended, or was left by a process
// that was killed. What was left is repaired first: cut behind its last whole fragment.
package spool
