package estimate

import "time"

// throughput is what a viewer has received lately, by his clock.
type throughput struct {
	slots  [throughputSlots]int64 // bytes in each
	newest int64                  // the slot that was last written to
	oldest int64                  // the first that there ever was
	begun  bool
}

const (
	throughputSlot  = 50 * time.Millisecond
	throughputSlots = 12 // ten whole ones, the one at hand and one for reordering
	throughputTime  = 10 * throughputSlot
)

func (t *throughput) add(received time.Duration, bytes int) {
	slot := int64(received / throughputSlot)
	switch {
	case !t.begun || slot > t.newest+2*throughputSlots || slot < t.newest-2*throughputSlots:
		*t = throughput{newest: slot, oldest: slot, begun: true}
	case slot <= t.newest-throughputSlots:
		return
	}
	for t.newest < slot {
		t.newest++
		t.slots[at(t.newest)] = 0
	}
	t.slots[at(slot)] += int64(bytes)
}

// rate is in bit/s over the ten slots before the one at hand; 0 if there are none.
func (t *throughput) rate() int64 {
	if !t.begun || t.newest-t.oldest < throughputSlots-2 {
		return 0
	}
	var bytes int64
	for i := int64(1); i <= 10; i++ {
		bytes += t.slots[at(t.newest-i)]
	}
	return bytes * 8 * int64(time.Second) / int64(throughputTime)
}

func at(slot int64) int64 { return (slot%throughputSlots + throughputSlots) % throughputSlots }
