package hls

import (
	"time"

	"weir/pipeline/fmp4"
	"weir/pipeline/media"
)

// timing is what all cutters of a segmenter have in common.
type timing struct {
	epoch time.Time
	// part is the longest a part gets, PART-TARGET; 0 until the lead's frame rate is
	// known.
	part time.Duration
	// limit is the longest a segment gets.
	limit time.Duration
}

// boundary is the start of a segment, the same one in all renditions.
type boundary struct {
	msn uint64
	// at is the presentation time of the segment's start, since the epoch.
	at time.Duration
	// end is where the segment before it ends: at, unless there is a discontinuity.
	end           time.Duration
	discontinuity bool
	cc            uint64
	// starts are the tracks of the timeline that starts here.
	starts map[*lane]*media.Track
	// key says that the lead starts with a key unit.
	key bool
}

// marked says whether the playlist shows a discontinuity: not at its very start.
func (b *boundary) marked() bool { return b.discontinuity && b.cc > 0 }

// cutter makes the parts and segments of one rendition. Its units are those of
// one track and layer in order of decoding, but for passengers.
type cutter struct {
	out  *rendition
	mux  muxer
	time *timing
	rate media.Rate

	// held is the newest unit, which is written once the next one shows how long it
	// lasts; last is how long the one before it lasted.
	held *media.Unit
	last media.Ticks
	// offset is PTS - DTS of the first unit after a discontinuity: presentation
	// starts that much after decoding.
	offset media.Ticks

	seg      segment
	segStart media.Ticks // DTS
	segEnd   media.Ticks // DTS behind the last unit written

	partStart media.Ticks
	partUnits int
	partKey   bool
}

// begin opens the segment behind b with its first unit.
func (c *cutter) begin(b boundary, init *section, u *media.Unit) {
	if b.discontinuity || c.last == 0 {
		c.offset = u.PTS - u.DTS
		c.last = fmp4.Nominal(u)
	}
	c.seg = segment{
		msn: b.msn, token: c.out.names.token, name: c.out.names.segment(b.msn), init: init,
		start:         c.time.epoch.Add(c.rate.Duration(u.DTS + c.offset)),
		discontinuity: b.marked(), cc: b.cc, independent: u.Flags.Has(media.Key),
	}
	c.segStart, c.segEnd, c.partStart = u.DTS, u.DTS, u.DTS
	c.mux.begin()
	c.held = u
	c.partKey = u.Flags.Has(media.Key)
}

// push takes the next unit of the segment. A unit whose decoding time does not
// rise is refused.
func (c *cutter) push(u *media.Unit) bool {
	if c.held != nil {
		if u.DTS <= c.held.DTS {
			return false
		}
		c.commit(u.DTS - c.held.DTS)
	}
	c.held = u
	return true
}

// commit writes the held unit, which lasts for dur ticks.
func (c *cutter) commit(dur media.Ticks) {
	u := c.held
	c.held = nil
	end := u.DTS + dur
	if c.partUnits > 0 && c.time.part > 0 && c.span(c.partStart, end) > c.time.part {
		c.closePart()
	}
	if c.partUnits == 0 {
		c.partStart, c.partKey = u.DTS, u.Flags.Has(media.Key)
	}
	c.mux.write(u, dur)
	c.partUnits++
	c.seg.units++
	c.segEnd, c.last = end, dur
	// A part goes out as soon as it is full, not when the next unit proves it.
	if c.time.part > 0 && c.span(c.partStart, end+dur) > c.time.part {
		c.closePart()
	}
}

// closePart ends the part under way and publishes it.
func (c *cutter) closePart() {
	if c.takePart() {
		c.out.publishPart(c.seg)
	}
}

// takePart moves what the muxer has into the segment.
func (c *cutter) takePart() bool {
	content, err := c.mux.flush()
	if err != nil {
		c.out.warn("mux", err)
	}
	if content == nil {
		return false
	}
	p := &part{
		number: c.out.nextPart(), piece: content, independent: c.partKey,
		duration: c.span(c.partStart, c.segEnd),
	}
	c.seg.parts = append(c.seg.parts, p)
	c.seg.bytes += int64(content.size)
	c.seg.held += int64(content.held())
	c.seg.duration = c.span(c.segStart, c.segEnd)
	c.partStart, c.partUnits = c.segEnd, 0
	return true
}

// lapse ends the held unit, after which the layer made a pause that the lead did not
// make: the unit lasts for a part at most, what follows up to dts is missing. Players
// that know what is missing take another layer; those who are told that a picture lasts
// for longer than a part, or than a segment, may fail.
func (c *cutter) lapse(to media.Ticks) {
	usual := c.last
	c.commit(min(c.rate.Ticks(c.time.part), to-c.held.DTS))
	c.takePart()
	c.last = usual
	c.miss(to, paused)
}

// late makes the segment under way one that lacks its beginning, if it begins later than
// at b by much.
func (c *cutter) late(b boundary) {
	first := c.segStart
	at := c.rate.Ticks(b.at) - c.offset
	if c.time.part == 0 || c.span(at, first) <= holeTolerance {
		return
	}
	c.segStart, c.segEnd = at, at
	c.seg.start = c.time.epoch.Add(b.at)
	c.miss(first, tooLate)
}

// Reasons for segments of which a piece is missing. Who takes the next one needs a key
// unit there after a pause.
const (
	paused  = "the layer paused"
	tooLate = "the layer came late"
)

// miss lists what follows up to dts as parts that are not there.
func (c *cutter) miss(to media.Ticks, why string) {
	most := c.rate.Ticks(c.time.part)
	for from := c.segEnd; from < to; from = c.segEnd {
		c.segEnd = min(from+most, to)
		c.seg.parts = append(c.seg.parts, &part{number: c.out.nextPart(), duration: c.span(from, c.segEnd), gap: true})
	}
	c.partStart = to
	c.seg.gap, c.seg.duration = why, c.span(c.segStart, to)
	c.out.publishPart(c.seg)
}

// finish ends the segment. next is the decoding time of the unit that follows; 0
// if there is none or if it belongs to another timeline.
func (c *cutter) finish(next media.Ticks) {
	if c.held != nil {
		dur := c.last
		if next > c.held.DTS {
			dur = next - c.held.DTS
		}
		c.commit(dur)
	}
	c.takePart()
	if c.seg.gap != "" {
		c.seg.bytes = 0 // nobody can have it as a whole
	}
	c.out.publishSegment(c.seg)
	c.seg = segment{}
}

// gap publishes a segment without units, from b to end.
func (c *cutter) gap(b boundary, end time.Duration) {
	c.out.publishSegment(segment{
		msn: b.msn, token: c.out.names.token, name: c.out.names.segment(b.msn),
		start: c.time.epoch.Add(b.at), duration: max(end-b.at, time.Millisecond),
		discontinuity: b.marked(), cc: b.cc, gap: "no media",
	})
}

// ride writes a passenger, which has no say in the timing of segments.
func (c *cutter) ride(u *media.Unit) {
	if c.open() {
		c.mux.write(u, fmp4.Nominal(u))
	}
}

// open says whether a segment is under way.
func (c *cutter) open() bool { return c.seg.name != "" }

// end is the presentation time behind all units, as far as it is known.
func (c *cutter) end() time.Duration {
	if c.held != nil {
		return c.rate.Duration(c.held.DTS + c.last + c.offset)
	}
	return c.rate.Duration(c.segEnd + c.offset)
}

// length is how long the segment under way would be if it ended at dts.
func (c *cutter) length(dts media.Ticks) time.Duration { return c.span(c.segStart, dts) }

// span is the difference of two times, each rounded by itself, so that the spans
// of parts add up to their segment's.
func (c *cutter) span(from, to media.Ticks) time.Duration {
	return c.rate.Duration(to) - c.rate.Duration(from)
}
