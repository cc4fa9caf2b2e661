// Package media is the ground floor of Weir: the types that travel along the
// edges of a pipeline graph and the contracts that everybody keeps about them.
// It imports the standard library only and is imported by every other package.
//
// # What travels on an edge
//
// An edge carries a sequence of [Item]s. An Item is either a [*TrackSet], the
// complete and immutable description of what the edge carries from here on, or
// a [*Unit], one piece of one track. State is carried, never a change of state:
// whoever joins late or falls behind is given the TrackSet in force and has
// missed nothing that matters.
//
// # Ownership
//
// A Unit and everything it points to is immutable once it has been sent. It may
// be held for as long as anybody likes, by any number of goroutines; the garbage
// collector frees it. A stage that wants other bytes makes another Unit.
//
// # Two forms
//
// Media crosses an edge either as RTP packets ([FormRTP]) or as access units
// ([FormAccess]). Decoded pictures and sound never do.
package media
