package lint

import (
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// How much a meter must have seen before it says something of it.
const (
	enoughSeconds   = 5  // for a bitrate
	manySeconds     = 8  // for how it varies
	enoughKeyframes = 3  // distances, for how they vary
	remembered      = 32 // seconds, and distances of key frames
	recent          = time.Minute
	busy            = 4               // seconds, in which a constant bitrate evens out
	leap            = time.Second     // between two pictures, or sounds
	mute            = 5 * time.Second // without sound
)

// Meter finds out facts about one layer of a live stream. It belongs to one goroutine.
type Meter struct {
	video       *media.Track
	layer       int8
	audio       *media.Track
	static      Facts // what the tracks tell
	pictures    lane
	sounds      lane
	keys        []time.Duration // distances of the last key frames
	lastKey     time.Duration   // -1 before the first
	shown       media.Ticks     // PTS of the last picture
	bFrames     bool
	openGOP     bool
	jumped      []time.Time // when they arrived
	begun, last time.Time   // arrivals of the first and last unit
	heard       time.Time   // of the last sound
}

// lane is what a meter keeps of one track.
type lane struct {
	next    time.Duration // the time of the last unit
	any     bool
	now     second
	seconds []second      // whole ones
	lag     time.Duration // how late its units are at least, since the epoch
}

// second is one second of a track's timestamps.
type second struct {
	at           int64
	bytes, units int
	whole        bool
}

// Tracks tells which tracks the units to come are of; either may be nil.
func (m *Meter) Tracks(video *media.Track, layer int8, audio *media.Track) {
	if video != m.video || layer != m.layer {
		m.video, m.layer, m.static.Video = video, layer, videoOf(video, layer)
		m.pictures, m.keys, m.lastKey, m.bFrames, m.openGOP = lane{}, nil, -1, false, false
	}
	if audio != m.audio {
		m.audio, m.static.Audio, m.sounds = audio, audioOf(audio), lane{}
	}
}

func videoOf(t *media.Track, layer int8) *Video {
	if t == nil {
		return nil
	}
	v := &Video{Codec: t.Codec}
	if int(layer) < len(t.Layers) {
		v.Width, v.Height, v.FPS = t.Layers[layer].Width, t.Layers[layer].Height, t.Layers[layer].FPS
	}
	if p, err := bitstream.Parse(t.Codec, t.LayerConfig(layer), bitstream.Limits{}); err == nil {
		traits := p.Traits()
		v.Profile, v.Level, v.Interlaced, v.PixelAspect = traits.Profile, traits.Level, traits.Interlaced, traits.PixelAspect
		v.HDR, v.Constant = traits.HDR, traits.Constant
	}
	return v
}

func audioOf(t *media.Track) *Audio {
	if t == nil {
		return nil
	}
	a := &Audio{Codec: t.Codec, Rate: int(t.Rate), Channels: t.Channels}
	if p, err := bitstream.Parse(t.Codec, t.Config, bitstream.Limits{}); err == nil {
		a.Profile = p.Traits().Profile
	}
	return a
}

// Unit measures one unit of one of the tracks.
func (m *Meter) Unit(u *media.Unit) {
	if m.begun.IsZero() {
		m.begun = u.Arrived
	}
	m.last = u.Arrived
	at := u.Time()
	if u.Kind() == media.KindAudio {
		m.heard = u.Arrived
		m.leapt(m.sounds.add(at, u, m.begun), u)
		return
	}
	first := !m.pictures.any
	if m.leapt(m.pictures.add(at, u, m.begun), u) {
		m.keys, m.lastKey = nil, -1
	}
	m.bFrames = m.bFrames || !first && u.PTS < m.shown
	m.shown = u.PTS
	open := bitstream.OpenGOP(u.Track.Codec, u.Access)
	m.openGOP = m.openGOP || open
	if u.Flags.Has(media.Key) || open {
		m.key(at)
	}
}

// leapt notes a jump, if there is one or the unit says so.
func (m *Meter) leapt(is bool, u *media.Unit) bool {
	is = is || u.Flags.Has(media.Discontinuity) && u.Arrived.Sub(m.begun) > leap
	if is {
		m.jumped = append(m.jumped, u.Arrived)
		m.jumped = m.jumped[max(0, len(m.jumped)-remembered):]
	}
	return is
}

func (m *Meter) key(at time.Duration) {
	if m.lastKey >= 0 {
		m.keys = append(m.keys, at-m.lastKey)
		m.keys = m.keys[max(0, len(m.keys)-remembered):]
	}
	m.lastKey = at
}

// add counts a unit and says whether its time has leapt.
func (l *lane) add(at time.Duration, u *media.Unit, begun time.Time) (leapt bool) {
	if lag := u.Arrived.Sub(begun) - at; !l.any || lag < l.lag {
		l.lag = lag
	}
	leapt = l.any && (at-l.next > leap || at < l.next)
	if leapt {
		l.seconds, l.now, l.lag = nil, second{}, u.Arrived.Sub(begun)-at
	}
	n := int64(at / time.Second)
	if n != l.now.at || !l.any || leapt {
		if l.now.whole {
			l.seconds = append(l.seconds, l.now)
			l.seconds = l.seconds[max(0, len(l.seconds)-remembered):]
		}
		l.now = second{at: n, whole: l.any && !leapt} // the first one is cut off
	}
	l.now.bytes += u.Size()
	l.now.units++
	l.next, l.any = at, true
	return leapt
}

// bitrate is the mean, and that of the busiest seconds, in bit/s; 0 before enough is
// known.
func (l *lane) bitrate() (mean, most int64) {
	if len(l.seconds) < enoughSeconds {
		return 0, 0
	}
	sum := 0
	for i, s := range l.seconds {
		sum += s.bytes
		if i >= busy-1 && len(l.seconds) >= manySeconds {
			window := 0
			for _, w := range l.seconds[i-busy+1 : i+1] {
				window += w.bytes
			}
			most = max(most, int64(window)*8/busy)
		}
	}
	return int64(sum) * 8 / int64(len(l.seconds)), most
}

// rate is how many units there are in a second: the mean, the least and the most.
func (l *lane) rate() (mean, least, most float64) {
	if len(l.seconds) < enoughSeconds {
		return 0, 0, 0
	}
	sum := 0.0
	for i, s := range l.seconds {
		n := float64(s.units)
		if i == 0 {
			least, most = n, n
		}
		sum, least, most = sum+n, min(least, n), max(most, n)
	}
	return sum / float64(len(l.seconds)), least, most
}

// Facts are what is known now.
func (m *Meter) Facts() *Facts {
	f := &Facts{Silent: m.silent()}
	if m.static.Video != nil {
		v := *m.static.Video
		v.Bitrate, v.BitrateMost = m.pictures.bitrate()
		if mean, least, most := m.pictures.rate(); mean > 0 {
			v.FPS, v.FPSLeast, v.FPSMost = mean, least, most
		}
		v.KeyframeLeast, v.KeyframeMost = m.distances()
		v.BFrames, v.OpenGOP = m.bFrames, m.openGOP
		f.Video = &v
	}
	if m.static.Audio != nil {
		a := *m.static.Audio
		a.Bitrate, _ = m.sounds.bitrate()
		f.Audio = &a
	}
	for _, at := range m.jumped {
		if m.last.Sub(at) < recent {
			f.Jumps++
		}
	}
	if m.pictures.any && m.sounds.any {
		f.Offset = m.pictures.lag - m.sounds.lag
	}
	return f
}

// distances of key frames, with the one under way if it is the longest. The least is
// known once there are some.
func (m *Meter) distances() (least, most time.Duration) {
	if m.lastKey >= 0 {
		most = m.pictures.next - m.lastKey
	}
	for i, d := range m.keys {
		if most = max(most, d); i == 0 || d < least {
			least = d
		}
	}
	if len(m.keys) < enoughKeyframes {
		least = 0
	}
	return least, most
}

// silent says that sound has been missing for so long that none will come.
func (m *Meter) silent() bool {
	since := m.heard
	if since.IsZero() {
		since = m.begun
	}
	return m.last.Sub(since) > mute || m.audio == nil && m.last.Sub(m.begun) > leap
}
