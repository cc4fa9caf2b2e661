// Package ring is a bounded queue of media with one writer and any number of
// readers, each at its own place.
//
// The writer is never held up by a reader, with one exception that a reader has to
// ask for ([Block]). It keeps what the bounds allow, in seconds and in bytes, and
// lets go of the oldest. A reader is a [Cursor]: an index into the same items. When
// it falls behind by more than its own bounds allow, its [Policy] says what
// happens, to it alone. The policies know what media is: [DropGOP] continues where
// decoding can.
//
// Delivery takes no lock and allocates nothing: an item is written once, published
// by one atomic store, and read by everybody. A reader with nothing to read puts
// itself on the writer's list and sleeps; only then, and after an overrun, does it
// take the ring's mutex.
//
// State travels with the items. Each entry knows the TrackSet in force, and a
// cursor gives it out before the first unit that it governs. However a reader came
// to its place, it cannot have missed a track.
package ring
