package bitstream

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"weir/pipeline/media"
)

// DTS derives decoding times from presentation times, for sources that have only
// the latter (RTP). It belongs to one layer of one track and to one goroutine.
type DTS struct {
	extract func(access [][]byte, pts int64) (int64, error)
	sets    [][]byte
	scratch [][]byte
	last    media.Ticks
	started bool
}

// maxReorder is the longest that a picture may wait to be shown, 10 s of 90 kHz.
// Only damage and clock jumps make more.
const maxReorder = 10 * media.Ticks(media.VideoRate)

// NewDTS begins at the next key unit of a stream with configuration p. For codecs
// that H.264 and H.265 reordering does not concern, DTS is PTS.
func NewDTS(p *Params) *DTS {
	d := &DTS{}
	switch p.Codec {
	case media.CodecH264:
		e := &h264.DTSExtractor{}
		e.Initialize()
		d.extract = e.Extract
	case media.CodecH265:
		e := &h265.DTSExtractor{}
		e.Initialize()
		d.extract = e.Extract
	default:
		return d
	}
	// One of each: the extractor starts anew whenever the bytes differ from the
	// last ones it saw.
	d.sets = [][]byte{p.sets.sps[0], p.sets.pps[0]}
	return d
}

// Next is the decoding time of the next unit in decoding order, in ticks of 90 kHz
// as pts. It rises strictly and is at most pts. An error means that this unit has
// none and should be dropped: it comes before the first key unit, or its picture
// order cannot be read. The first units of a stream with B-frames get decoding
// times a millisecond apart, before the reordering delay is known.
func (d *DTS) Next(access [][]byte, pts media.Ticks) (media.Ticks, error) {
	if d.extract == nil {
		return pts, nil
	}
	d.scratch = append(d.scratch[:0], d.sets...)
	for _, nal := range access {
		if len(nal) > 1 {
			d.scratch = append(d.scratch, nal)
		}
	}
	dts, err := d.extract(d.scratch, int64(pts))
	clear(d.scratch)
	if err != nil {
		return 0, malformed("picture order: %v", err)
	}
	return d.rise(max(media.Ticks(dts), pts-maxReorder), pts)
}

// rise keeps what the extractor promises only roughly.
func (d *DTS) rise(dts, pts media.Ticks) (media.Ticks, error) {
	if d.started && dts <= d.last {
		dts = d.last + 1
	}
	if dts > pts {
		return 0, malformed("picture order: shown before it is decoded")
	}
	d.last, d.started = dts, true
	return dts, nil
}
