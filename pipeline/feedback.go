package pipeline

import (
	"sync"
	"time"

	"weir/pipeline/media"
)

// keyframeInterval is the least time between two keyframe requests for a layer.
const keyframeInterval = 500 * time.Millisecond

// merger turns the feedback of all consumers of an output into the producer's.
type merger struct {
	out chan media.Feedback

	mu        sync.Mutex // guards what follows
	keys      map[layerKey]*keyframes
	bitrates  map[layerKey]map[*Input]int64
	consumers map[*Input]bool
	wants     map[layerKey]map[*Input]bool
	paused    map[layerKey]bool // the producer was told that nobody wants it
	closed    bool
}

// keyframes is the state of the requests for one layer.
type keyframes struct {
	pending bool        // asked for since the last request went out
	timer   *time.Timer // runs while no request may go out
}

// feedbackQueue bounds what a producer has not read yet; beyond it, the newest is
// lost, which a consumer that still needs it will ask for again.
const feedbackQueue = 16

func newMerger() *merger {
	return &merger{
		out:       make(chan media.Feedback, feedbackQueue),
		keys:      make(map[layerKey]*keyframes),
		bitrates:  make(map[layerKey]map[*Input]int64),
		consumers: make(map[*Input]bool),
		wants:     make(map[layerKey]map[*Input]bool),
		paused:    make(map[layerKey]bool),
	}
}

// join notes a consumer, who takes all layers until it says otherwise.
func (m *merger) join(from *Input) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.consumers[from] = true
	m.hint()
}

// patience is the shortest nap of the consumers.
func (m *merger) patience() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	var least time.Duration
	for in := range m.consumers {
		nap := time.Duration(in.nap.Load())
		if nap == 0 {
			return 0
		}
		if least == 0 || nap < least {
			least = nap
		}
	}
	return least
}

func (m *merger) ask(from *Input, f media.Feedback) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	switch f := f.(type) {
	case media.KeyframeRequest:
		m.keyframe(layerKey{f.Track, f.Layer})
	case media.BitrateHint:
		k := layerKey{f.Track, f.Layer}
		before := lowest(m.bitrates[k])
		note(m.bitrates, k, from, f.Bitrate)
		if now := lowest(m.bitrates[k]); now != before {
			m.emit(media.BitrateHint{Track: f.Track, Layer: f.Layer, Bitrate: now})
		}
	case media.LayerHint:
		note(m.wants, layerKey{f.Track, f.Layer}, from, f.Wanted)
		m.hint()
	}
}

// keyframe lets a request out, or keeps it until it may go. The caller holds m.mu.
func (m *merger) keyframe(k layerKey) {
	s := m.keys[k]
	if s == nil {
		s = &keyframes{}
		m.keys[k] = s
	}
	s.pending = true
	if s.timer == nil {
		m.release(k, s)
	}
}

func (m *merger) release(k layerKey, s *keyframes) {
	if !s.pending || m.closed {
		s.timer = nil
		return
	}
	s.pending = false
	m.emit(media.KeyframeRequest{Track: k.track, Layer: k.layer})
	s.timer = time.AfterFunc(keyframeInterval, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.release(k, s)
	})
}

// sent notes that a key unit went out: whoever asked before has what it wanted.
func (m *merger) sent(u *media.Unit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.keys[layerKey{u.Track.ID, u.Layer}]; s != nil {
		s.pending = false
	}
}

// leave forgets a consumer.
func (m *merger) leave(from *Input) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, by := range m.bitrates {
		before := lowest(by)
		delete(by, from)
		if now := lowest(by); now != before && !m.closed {
			m.emit(media.BitrateHint{Track: k.track, Layer: k.layer, Bitrate: now})
		}
	}
	delete(m.consumers, from)
	for _, by := range m.wants {
		delete(by, from)
	}
	if len(m.consumers) > 0 { // between the runs of the last one nothing is told
		m.hint()
	}
}

// hint tells the producer of layers that nobody wants any more, or somebody does
// again. The caller holds m.mu.
func (m *merger) hint() {
	for k, by := range m.wants {
		wanted := len(by) < len(m.consumers) || anyTrue(by)
		if wanted == m.paused[k] && !m.closed {
			m.paused[k] = !wanted
			m.emit(media.LayerHint{Track: k.track, Layer: k.layer, Wanted: wanted})
		}
	}
}

func (m *merger) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, s := range m.keys {
		if s.timer != nil {
			s.timer.Stop()
		}
	}
}

func (m *merger) emit(f media.Feedback) {
	select {
	case m.out <- f:
	default:
	}
}

func note[V any](by map[layerKey]map[*Input]V, k layerKey, from *Input, v V) {
	if by[k] == nil {
		by[k] = make(map[*Input]V)
	}
	by[k][from] = v
}

func lowest(by map[*Input]int64) int64 {
	var low int64
	for _, v := range by {
		if low == 0 || v < low {
			low = v
		}
	}
	return low
}

func anyTrue(by map[*Input]bool) bool {
	for _, v := range by {
		if v {
			return true
		}
	}
	return false
}
