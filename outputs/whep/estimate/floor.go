package estimate

import (
	"math"
	"time"
)

const (
	floorSlot   = 50 * time.Millisecond
	floorSlots  = 40 // what the delay is compared with: two seconds
	floorRecent = 10 // of these, what is compared
	// leastRise is by how much the least delay must have risen to be a queue, in ms, on
	// a path that is steady, and calmRatio how much more for each ms by which the delay
	// falls from group to group on one that is not. A queue that grows never falls.
	leastRise = 15.0
	calmRatio = 10.0
	fallGain  = 0.02 // about a second
)

// floor is the least delay of late. Jitter moves the delay up and down, also where
// packets do not overtake each other, so that it falls in long slopes; a queue lifts
// the least of it.
type floor struct {
	slots  [floorSlots]float64 // ms; +Inf is none
	newest int64
	begun  bool
	last   float64
	fall   float64 // ms from one group to the next, where it falls
}

// add notes the delay of what was received at a time.
func (f *floor) add(received time.Duration, delay float64) {
	slot := int64(received / floorSlot)
	if !f.begun || slot > f.newest+floorSlots || slot < f.newest-floorSlots {
		*f = floor{newest: slot - floorSlots, begun: true, last: delay}
	}
	for f.newest < slot {
		f.newest++
		f.slots[f.place(f.newest)] = math.Inf(1)
	}
	if f.newest-slot < floorSlots {
		f.slots[f.place(slot)] = min(f.slots[f.place(slot)], delay)
	}
	f.fall += fallGain * (max(0, f.last-delay) - f.fall)
	f.last = delay
}

func (f *floor) place(slot int64) int64 { return (slot%floorSlots + floorSlots) % floorSlots }

// risen says that the least delay is higher than it was by more than the path's
// jitter explains.
func (f *floor) risen() bool {
	before, lately := math.Inf(1), math.Inf(1)
	for i := range int64(floorSlots) {
		d := f.slots[f.place(f.newest-i)]
		before = min(before, d)
		if i < floorRecent {
			lately = min(lately, d)
		}
	}
	return lately-before > leastRise+calmRatio*f.fall
}
