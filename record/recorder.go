package record

import (
	"time"

	"weir/pipeline"
	"weir/pipeline/fmp4"
	"weir/pipeline/media"
	"weir/record/spool"
)

// recorder makes fragments and segments of units. It belongs to one goroutine.
type recorder struct {
	cfg Config
	env pipeline.Env
	// open begins another recording; ask asks the source for a key unit.
	open func(spool.Recording) (*spool.Writer, error)
	ask  func(media.KeyframeRequest)
	note *notes

	set        *media.TrackSet // what is recorded of the set in force
	renditions []*rendition
	lanes      []*lane
	lead       *lane
	// waiting says that nothing can be written before a key unit of the lead.
	waiting bool
	// fresh says that the next segment needs initialisation sections.
	fresh bool

	writer    *spool.Writer
	recording int           // counts those of the run
	base      time.Duration // of the recording, since the epoch
	began     time.Duration // the segment under way
	cut       time.Duration // the fragment under way
	sequence  uint32
	bytes     int64 // of the recording
	tried     time.Duration
}

// early is how much shorter than configured a segment may be, so that a key unit that
// comes a hair too early need not wait for its successor.
const early = 0.95

func (r *recorder) take(item media.Item) {
	switch it := item.(type) {
	case *media.TrackSet:
		r.tracks(it)
	case *media.Unit:
		r.unit(it)
	}
}

// tracks sets up lanes for a set of tracks that needs others than there are.
func (r *recorder) tracks(set *media.TrackSet) {
	set = usable(set, r.note.leftOut)
	next := arrange(set, r.cfg.Layers)
	if r.set != nil && same(r.renditions, next) {
		return
	}
	r.flush()
	r.set, r.renditions, r.lanes, r.lead = set, next, nil, nil
	for _, d := range next {
		r.lanes = append(r.lanes, d.lanes...)
	}
	if len(r.lanes) > 0 {
		r.lead = r.lanes[0]
	}
	r.waiting, r.fresh = true, true
}

// same says whether files can go on as they are.
func same(a, b []*rendition) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].name != b[i].name || len(a[i].lanes) != len(b[i].lanes) {
			return false
		}
		for n, l := range a[i].lanes {
			if m := b[i].lanes[n]; l.track.ID != m.track.ID || l.layer != m.layer || !l.fits(m.track) {
				return false
			}
		}
	}
	return true
}

func (r *recorder) laneOf(u *media.Unit) *lane {
	for _, l := range r.lanes {
		if l.track.ID == u.Track.ID && l.layer == u.Layer {
			return l
		}
	}
	return nil
}

func (r *recorder) unit(u *media.Unit) {
	l := r.laneOf(u)
	switch {
	case l == nil || len(u.Access) == 0:
	case r.waiting || r.broken(l, u):
		r.wait(l, u)
	case l == r.lead:
		r.leads(u)
	default:
		l.push(u)
		if u.Time()-r.began > r.longest() { // the lead is silent
			r.emit(u.Time())
			r.waiting = !r.begin(u, false)
		}
		r.fragment(u.Time())
	}
}

// broken says whether the timeline is over: the source began anew, there was a hole, or
// the disk did not take what came before.
func (r *recorder) broken(l *lane, u *media.Unit) bool {
	if r.writer.Refused() {
		return true
	}
	if l != r.lead || l.held == nil {
		return false
	}
	return u.Flags.Has(media.Discontinuity) || u.Time()-l.held.Time() > longestSample
}

// wait drops what comes before a key unit of the lead, with which a timeline begins.
func (r *recorder) wait(l *lane, u *media.Unit) {
	if !r.waiting {
		r.flush()
		r.waiting = true
	}
	if l != r.lead {
		return
	}
	if !u.Flags.Has(media.Key) {
		r.askKey()
		return
	}
	paused := r.writer != nil && r.writer.Paused() != ""
	if paused && u.Time()-r.tried < time.Second {
		return // the disk is given some time
	}
	r.tried = u.Time()
	r.turn(u)
}

func (r *recorder) askKey() {
	if r.lead.track.Kind() == media.KindVideo {
		r.ask(media.KeyframeRequest{Track: r.lead.track.ID, Layer: r.lead.layer})
	}
}

// turn begins a timeline with u, a key unit of the lead.
func (r *recorder) turn(u *media.Unit) {
	if r.writer == nil && !r.start(u) {
		return
	}
	if !r.begin(u, true) {
		return
	}
	r.waiting = false
	for _, l := range r.lanes {
		l.samples, l.held, l.bytes = nil, nil, 0
	}
	r.lead.push(u)
}

// start begins a recording with u.
func (r *recorder) start(u *media.Unit) bool {
	at := r.wall(u)
	p := place{stream: r.env.Pipeline, session: newSession(at), seq: r.recording, start: at, vars: r.env.Vars}
	meta := spool.Recording{
		Session: p.session, Pipeline: r.env.Pipeline, Stage: r.env.Stage, Prefix: expand(r.cfg.Path, p),
		Started: at, Longest: r.longest().Seconds(),
	}
	if r.cfg.Export != "none" {
		meta.Export = r.cfg.Export
	}
	w, err := r.open(meta)
	if err != nil {
		r.note.failed(err)
		return false
	}
	r.writer, r.base, r.bytes, r.fresh = w, u.Time(), 0, true
	r.recording++
	return true
}

// wall is when a unit is shown.
func (r *recorder) wall(u *media.Unit) time.Time {
	return r.env.Epoch.Add(u.Track.Rate.Duration(u.PTS)).UTC()
}

// longest is the most that a segment lasts.
func (r *recorder) longest() time.Duration { return 2 * r.cfg.Segment }

// begin begins a segment with u.
func (r *recorder) begin(u *media.Unit, discontinuity bool) bool {
	s := spool.Start{At: r.wall(u), Discontinuity: discontinuity}
	for _, d := range r.renditions {
		p := spool.Part{Rendition: d.name, Ext: ".m4s"}
		if r.fresh || discontinuity {
			section, err := d.section()
			if err != nil {
				r.note.failed(err)
				return false
			}
			p.New = section
		}
		s.Parts = append(s.Parts, p)
	}
	if !r.writer.Begin(s) {
		return false
	}
	for _, l := range r.lanes {
		l.shift = -l.track.Rate.Ticks(r.base)
	}
	r.fresh, r.began, r.cut = false, u.Time(), u.Time()
	return true
}

// leads takes a unit of the lead, and cuts in front of it where that is due.
func (r *recorder) leads(u *media.Unit) {
	held := r.lead.held
	if !r.lead.push(u) {
		return
	}
	long := u.Time() - r.began
	due := long >= time.Duration(early*float64(r.cfg.Segment))
	switch {
	case held == nil:
	case u.Flags.Has(media.Key) && r.full(u):
		r.split(u)
	case due && u.Flags.Has(media.Key), long > r.longest()-time.Second:
		r.emit(u.Time())
		if !r.begin(u, false) {
			r.waiting = true
		}
	default:
		if due {
			r.askKey()
		}
		r.fragment(u.Time())
	}
}

// full says whether another recording begins.
func (r *recorder) full(u *media.Unit) bool {
	s := r.cfg.Split
	return s.Every > 0 && u.Time()-r.base >= s.Every || s.Size > 0 && r.bytes >= int64(s.Size)
}

// split ends the recording and goes on in another one, with u.
func (r *recorder) split(u *media.Unit) {
	r.emit(u.Time())
	r.writer.End("split")
	r.writer = nil
	if !r.start(u) || !r.begin(u, false) {
		r.waiting = true
	}
}

// fragment writes a fragment if one is due.
func (r *recorder) fragment(now time.Duration) {
	if now-r.cut >= r.cfg.Fragment {
		r.emit(now)
	}
}

// emit writes all samples that decode before a time.
func (r *recorder) emit(before time.Duration) {
	var chunks []spool.Chunk
	for i, d := range r.renditions {
		var runs []fmp4.Run
		for _, l := range d.lanes {
			if samples := l.takeBefore(before); len(samples) > 0 {
				runs = append(runs, fmp4.Run{Number: l.num, Shift: l.shift, Samples: samples})
			}
		}
		if len(runs) == 0 {
			continue
		}
		r.sequence++
		data, err := chunk(r.sequence, runs)
		if err != nil {
			r.note.failed(err)
			continue
		}
		r.bytes += int64(len(data))
		chunks = append(chunks, spool.Chunk{Part: i, Data: data, Seconds: seconds(runs)})
	}
	r.cut = before
	if len(chunks) > 0 && !r.writer.Append(chunks) {
		r.waiting = true
	}
}

// seconds is how long the first track of a rendition goes on in a fragment.
func seconds(runs []fmp4.Run) float64 {
	if runs[0].Number != 1 {
		return 0
	}
	var d media.Ticks
	for _, s := range runs[0].Samples {
		d += s.Duration
	}
	return runs[0].Samples[0].Unit.Track.Rate.Duration(d).Seconds()
}

// flush writes what is held.
func (r *recorder) flush() {
	if r.waiting || r.writer == nil {
		return
	}
	for _, l := range r.lanes {
		l.settle()
	}
	evenOut(r.lanes)
	r.emit(1<<63 - 1)
}

// stop ends the recording, if there is one.
func (r *recorder) stop(reason string) *spool.Writer {
	w := r.writer
	if w == nil {
		return nil
	}
	r.flush()
	w.End(reason)
	r.writer, r.waiting = nil, true
	return w
}
