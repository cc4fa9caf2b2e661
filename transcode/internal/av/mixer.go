//go:build libav && cgo

package av

import (
	"maps"
	"slices"
	"sync"
	"time"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// early is how much before its time a picture is shown rather than after it, since
// timestamps jitter.
const early = 5 * time.Millisecond

// mixer composes the tracks of a mix into one of pictures and one of sound, each in a
// goroutine of its own, so that sound never waits for pictures.
type mixer struct {
	job     wire.Job
	out     *outlet
	clock   *clock
	scenery *scenery
	fail    func(error)
	running sync.WaitGroup

	mu     sync.Mutex // guards what is below
	views  map[media.TrackID]*view
	voices map[media.TrackID]*voice
	gone   []*view        // that were replaced
	joined uint64         // how many views there were
	wishes []wire.Message // for the ladder and the encoder of sound
}

func newMixer(job wire.Job, out *outlet, s *scenery, fail func(error)) *mixer {
	m := &mixer{
		job: job, out: out, scenery: s, fail: fail,
		clock: newClock(time.Duration(job.Mix.LatencyMillis) * time.Millisecond),
		views: make(map[media.TrackID]*view), voices: make(map[media.TrackID]*voice),
	}
	if job.Video != nil {
		m.running.Go(func() { m.run(newProgramme(m)) })
	}
	if job.Audio != nil {
		m.running.Go(func() { m.run(newMixdown(m)) })
	}
	return m
}

// composer makes one track of a mix.
type composer interface {
	// at is when moment number n is, after the beginning of time.
	at(n int64) time.Duration
	kind() media.Kind
	// compose makes what is of moment n, from what wishes changed on.
	compose(n int64, wishes []wire.Message) error
	// end gives out what is left, if flush, and frees everything.
	end(flush bool) error
}

// run composes one moment after the other, to the end.
func (m *mixer) run(c composer) {
	begin, ok := m.clock.start()
	n := int64(0)
	if ok {
		n = after(c, begin)
	}
	var err error
	for ok && err == nil {
		var debt time.Duration
		if debt, ok = m.clock.wait(c.kind(), c.at(n)); !ok {
			break
		}
		if debt > 0 {
			n = after(c, c.at(n)+debt)
			continue
		}
		err = c.compose(n, m.wished(c.kind()))
		n++
	}
	if ended := c.end(err == nil); err == nil {
		err = ended
	}
	if err != nil {
		m.clock.close()
		m.fail(err)
	}
}

// after is the first moment that is not before a time.
func after(c composer, at time.Duration) int64 {
	n := int64(float64(at) / float64(c.at(1<<20)) * (1 << 20))
	for c.at(n) >= at {
		n--
	}
	for c.at(n) < at {
		n++
	}
	return n
}

// wish notes what the server wants of what is made.
func (m *mixer) wish(w wire.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.wishes) < mostWishes {
		m.wishes = append(m.wishes, w)
	}
}

// mostWishes is how many of them wait at most.
const mostWishes = 256

// wished takes what is wanted of a kind.
func (m *mixer) wished(kind media.Kind) (mine []wire.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.wishes) == 0 {
		return nil
	}
	var others []wire.Message
	for _, w := range m.wishes {
		of := media.KindVideo // of key units
		if c, ok := w.(wire.Control); ok && c.Track == mixedSound {
			of = media.KindAudio
		}
		if of == kind {
			mine = append(mine, w)
		} else {
			others = append(others, w)
		}
	}
	m.wishes = others
	return mine
}

// The tracks that a mix makes.
const (
	mixedPictures media.TrackID = "video"
	mixedSound    media.TrackID = "audio"
)

// processor is the lane of a track on its way into the mix, or nil.
func (m *mixer) processor(t *media.Track, index uint16) processor {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case t.Kind() == media.KindVideo && m.job.Video != nil:
		m.joined++
		v := newView(m.out, index, t.ID, m.clock, media.Ticks(float64(media.VideoRate)/m.job.Mix.FPS), m.joined<<32)
		if before := m.views[t.ID]; before != nil {
			v.follow(before)
			m.gone = append(m.gone, before)
		}
		m.views[t.ID] = v
		m.clock.join(t.ID, t.Kind())
		return v
	case t.Kind() == media.KindAudio && m.job.Audio != nil:
		v := newVoice(m.out, t.ID, m.clock, m.job.Mix.Normalize)
		if before := m.voices[t.ID]; before != nil {
			v.follow(before)
		}
		m.voices[t.ID] = v
		m.clock.join(t.ID, t.Kind())
		return v
	default:
		return nil
	}
}

// leave says that a track is gone, whose lane has ended. What it gave is composed yet.
func (m *mixer) leave(id media.TrackID) {
	m.clock.leave(id)
	m.mu.Lock()
	defer m.mu.Unlock()
	if v := m.views[id]; v != nil {
		v.leave()
	}
	if v := m.voices[id]; v != nil {
		v.leave()
	}
}

// seen are the views, without those that are over. It is for the canvas.
func (m *mixer) seen() map[media.TrackID]*view {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.gone {
		v.free()
	}
	m.gone = nil
	for id, v := range m.views {
		if v.over() {
			v.free()
			delete(m.views, id)
		}
	}
	return maps.Clone(m.views)
}

// heard are the voices, without those that are over, in a fixed order.
func (m *mixer) heard() []*voice {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []*voice
	for _, id := range slices.Sorted(maps.Keys(m.voices)) {
		if v := m.voices[id]; v.over() {
			delete(m.voices, id)
		} else {
			all = append(all, v)
		}
	}
	return all
}

// finish composes all that has come. No lane may run any more.
func (m *mixer) finish() {
	m.clock.end()
	m.running.Wait()
}

// close ends at once and frees everything. No lane may run any more.
func (m *mixer) close() {
	m.clock.close()
	m.running.Wait()
	for _, v := range m.gone {
		v.free()
	}
	for _, v := range m.views {
		v.free()
	}
	m.gone, m.views = nil, nil
}
