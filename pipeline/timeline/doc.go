// Package timeline turns the clocks that peers put on the wire into one clean
// timeline per source.
//
// An [Unwrapper] widens a short clock to 64 bits. A [Line] takes the widened
// times of all tracks that share a peer's clock and places each unit on the
// source's epoch: per track DTS strictly rises and PTS >= DTS, whatever the
// peer's clock does. A [Wall] says which time of day a place on the epoch was.
//
// # What a Line does about a bad clock
//
//   - A step of up to 10 s forward is what the peer says, and stays.
//   - A step of up to 1 s backward is smoothed. One late unit is held one tick
//     behind its predecessor. When the next one is late too, the clock itself
//     has stepped: the line moves, so that units go on at their own pace and
//     none is lost.
//   - Anything larger is a new segment of the timeline: it goes on where the
//     time of arrival says, the first unit of each track is marked
//     [media.Discontinuity], and all tracks move by the same amount, so that
//     sound and picture stay as far apart as the peer has them.
//   - A track whose first unit is more than 10 s away from the others has a
//     clock of its own; it is placed by its arrival.
//
// # Sound
//
// Where the caller knows how many samples a unit lasts, units follow each other
// to the sample, however coarse the clock on the wire. The distance to that
// clock is watched: from 20 ms on it is closed in steps too small to hear (one
// 256th of a unit), and 40 ms ahead means that sound was lost, so that the unit
// goes where its clock says. Sound is never placed over sound.
//
// Nothing here looks at the time of day or starts a goroutine, and placing a
// unit does not allocate.
package timeline
