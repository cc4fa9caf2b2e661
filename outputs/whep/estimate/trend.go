package estimate

import "time"

// Usage says what the delay tells of the path.
type Usage uint8

// The states of the path.
const (
	// Normal: the delay stays what it is.
	Normal Usage = iota
	// Over: a queue grows.
	Over
	// Under: a queue shrinks.
	Under
)

// String is the usage in a word.
func (u Usage) String() string {
	switch u {
	case Over:
		return "over"
	case Under:
		return "under"
	default:
		return "normal"
	}
}

// The parameters of the delay detector, as draft-ietf-rmcat-gcc-02 section 5 and the
// implementations in browsers have them.
const (
	burst         = 5 * time.Millisecond // packets sent within are one group
	trendWindow   = 20                   // groups
	smoothing     = 0.9
	trendGain     = 4.0
	maxDeltas     = 60
	thresholdUp   = 0.0087
	thresholdDown = 0.039
	overuseTime   = 10.0 // ms
	maxJump       = 15.0 // how far beyond the threshold a sample may be to move it
	longGap       = 3 * time.Second
)

// group is what was sent in one burst.
type group struct {
	first, sent, received time.Duration
}

// detector finds out whether the one-way delay rises, from groups of packets.
type detector struct {
	now, before group
	open, have  bool

	samples     [trendWindow]sample
	count       int // samples so far, up to maxDeltas
	origin      time.Duration
	accumulated float64 // ms
	smoothed    float64

	floor     floor
	threshold float64
	over      float64 // ms for which the trend has been too high
	overs     int
	previous  float64 // slope
	moved     time.Duration
	usage     Usage
}

// sample is a point of the trend line, in ms.
type sample struct{ at, delay float64 }

// add notes a packet that has arrived. Packets come in the order in which they were
// sent.
func (d *detector) add(sent, received time.Duration) {
	switch {
	case !d.open:
		d.now, d.open = group{sent, sent, received}, true
		return
	case sent < d.now.first:
		return // reordered by the sender: it tells nothing
	case sent-d.now.first <= burst:
		d.now.sent = max(d.now.sent, sent)
		d.now.received = max(d.now.received, received)
		return
	}
	if d.have {
		d.compare()
	}
	d.before, d.have = d.now, true
	d.now = group{sent, sent, received}
}

// compare takes the delay between two groups into the trend.
func (d *detector) compare() {
	sent, received := d.now.sent-d.before.sent, d.now.received-d.before.received
	if sent > longGap || received > longGap || received < -longGap {
		d.restart()
		return
	}
	if d.count == 0 {
		d.origin = d.now.received
	}
	d.accumulated += millis(received - sent)
	d.floor.add(d.now.received, d.accumulated)
	d.smoothed = smoothing*d.smoothed + (1-smoothing)*d.accumulated
	d.samples[d.count%trendWindow] = sample{millis(d.now.received - d.origin), d.smoothed}
	if d.count++; d.count < trendWindow {
		return
	}
	if d.count >= maxDeltas+trendWindow {
		d.count -= trendWindow // the place in the window stays
	}
	d.judge(d.slope(), millis(sent))
}

func (d *detector) restart() {
	d.floor = floor{}
	d.count, d.accumulated, d.smoothed, d.over, d.overs, d.usage = 0, 0, 0, 0, 0, Normal
}

// slope is that of the line through the samples, by least squares.
func (d *detector) slope() float64 {
	var x, y float64
	for _, s := range d.samples {
		x += s.at
		y += s.delay
	}
	x, y = x/trendWindow, y/trendWindow
	var above, below float64
	for _, s := range d.samples {
		above += (s.at - x) * (s.delay - y)
		below += (s.at - x) * (s.at - x)
	}
	if below == 0 {
		return 0
	}
	return above / below
}

// judge compares the trend with the threshold, and moves that.
func (d *detector) judge(slope, step float64) {
	if d.threshold == 0 {
		d.threshold = 12.5
	}
	trend := float64(min(d.count, maxDeltas)) * slope * trendGain
	switch {
	case trend > d.threshold:
		d.over += step
		d.overs++
		if d.over > overuseTime && d.overs > 1 && slope >= d.previous && d.floor.risen() {
			d.over, d.overs, d.usage = 0, 0, Over
		}
	case trend < -d.threshold:
		d.over, d.overs, d.usage = 0, 0, Under
	default:
		d.over, d.overs, d.usage = 0, 0, Normal
	}
	d.previous = slope
	d.adapt(trend)
}

func (d *detector) adapt(trend float64) {
	passed := millis(min(d.now.received-d.moved, 100*time.Millisecond))
	d.moved = d.now.received
	size := max(trend, -trend)
	if size > d.threshold+maxJump || passed < 0 {
		return
	}
	k := thresholdUp
	if size < d.threshold {
		k = thresholdDown
	}
	d.threshold = min(max(d.threshold+k*(size-d.threshold)*passed, 6), 600)
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
