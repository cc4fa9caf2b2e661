package hls

import (
	"errors"
	"math"
	"time"

	"weir/pipeline"
	"weir/pipeline/fmp4"
	"weir/pipeline/media"
)

// The containers of segments.
const (
	containerFMP4   = "fmp4"
	containerMPEGTS = "mpegts"
)

// Config is the configuration of outputs/hls.
type Config struct {
	// LowLatency publishes every segment in parts while it is being made. It needs
	// the container fmp4; with mpegts it has no effect.
	LowLatency bool `yaml:"low_latency" json:"low_latency" doc:"Publish every segment in parts while it is being made. It needs the container fmp4."`
	// Container is that of segments: fmp4 or mpegts. MPEG-TS carries H.264, H.265,
	// AAC and Opus, and audio and video are in the same segments.
	Container string `yaml:"container" json:"container" enum:"fmp4,mpegts" doc:"The container of segments. mpegts carries H.264, H.265, AAC and Opus, audio and video together."`
	// Part is how long a part is, about: whole frames have to fit.
	Part time.Duration `yaml:"part" json:"part" doc:"How long a part is, about: whole frames have to fit."`
	// Segment is how long a segment is at least. It ends at the next key frame.
	Segment time.Duration `yaml:"segment" json:"segment" doc:"How long a segment is at least. It ends at the next key frame."`
	// MaxSegment is how long a segment may get if no key frame comes. By default
	// the first segment decides, with 10s as the most it may take.
	MaxSegment time.Duration `yaml:"max_segment" json:"max_segment" doc:"How long a segment may get if no key frame comes. By default the first segment decides."`
	// Segments is how many segments a live playlist lists.
	Segments int `yaml:"segments" json:"segments" doc:"How many segments a live playlist lists."`
	// Window is how far viewers can seek back. Segments that are older than the
	// playlist's newest ones are kept on disk. 0 keeps none.
	Window time.Duration `yaml:"window" json:"window" doc:"How far back viewers can seek, from segments kept on disk; 0 keeps none."`
	// Directory is where the segments of a window are kept. They are deleted when
	// they leave the window and when the stream has ended.
	Directory string `yaml:"directory" json:"directory" doc:"Where the segments of a window are kept until they leave it or the stream has ended."`
	// MaxDisk bounds the segments on disk; a window that needs more is shorter.
	MaxDisk pipeline.Bytes `yaml:"max_disk" json:"max_disk" doc:"The most that the segments on disk may take; a window that needs more is shorter."`
	// Linger is how long the last playlist is served after the stream has ended.
	Linger time.Duration `yaml:"linger" json:"linger" doc:"How long the last playlist is served after the stream has ended."`
}

func defaults() Config {
	return Config{
		LowLatency: true,
		Container:  containerFMP4,
		Part:       200 * time.Millisecond,
		Segment:    2 * time.Second,
		Segments:   7,
		MaxDisk:    64 << 30,
		Linger:     30 * time.Second,
	}
}

// longestSegment bounds segments, and with them how long one sample may last.
const longestSegment = 10 * time.Second

// Validate reports everything that is wrong.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(ok bool, field, format string, args ...any) {
		if !ok {
			errs = append(errs, pipeline.Fieldf(field, format, args...))
		}
	}
	within := func(field string, v, low, high time.Duration) {
		wrong(v >= low && v <= high, field, "%v is not between %v and %v", v, low, high)
	}
	wrong(c.Container == containerFMP4 || c.Container == containerMPEGTS,
		"container", "%q is neither fmp4 nor mpegts", c.Container)
	within("part", c.Part, 50*time.Millisecond, 2*time.Second)
	within("segment", c.Segment, 500*time.Millisecond, longestSegment)
	if c.MaxSegment != 0 {
		within("max_segment", c.MaxSegment, c.Segment, longestSegment)
	}
	wrong(!c.lowLatency() || c.Part <= c.Segment, "part", "%v is longer than a segment", c.Part)
	wrong(c.Segments >= 3 && c.Segments <= 100, "segments", "%d is not between 3 and 100", c.Segments)
	if c.Window != 0 {
		within("window", c.Window, time.Minute, 24*time.Hour)
		if c.Directory == "" {
			errs = append(errs, pipeline.Fieldf("window", "it needs a directory to keep the segments in").
				WithHint("add directory: /var/lib/weir/hls"))
		}
	}
	wrong(c.MaxDisk >= 64<<20, "max_disk", "%v is less than 64MiB", c.MaxDisk)
	within("linger", c.Linger, 0, time.Hour)
	return errors.Join(errs...)
}

func (c *Config) fmp4() bool { return c.Container == containerFMP4 }

func (c *Config) lowLatency() bool { return c.LowLatency && c.fmp4() }

// longest is how long the first segment may get.
func (c *Config) longest() time.Duration {
	if c.MaxSegment != 0 {
		return c.MaxSegment
	}
	return longestSegment
}

// chunk is how long fragments are where nobody sees them.
const chunk = time.Second

// partTarget is PART-TARGET for a lead with frames of that length.
func (c *Config) partTarget(frame time.Duration) time.Duration {
	if !c.lowLatency() {
		return max(chunk, frame)
	}
	return partTarget(c.Part, frame)
}

// partTarget is the smallest PART-TARGET from want up that whole frames fill by 85 %
// or more (rfc8216bis section 4.4.3.7), with a millisecond to spare for rounded
// timestamps.
func partTarget(want, frame time.Duration) time.Duration {
	const step = time.Millisecond
	frame = max(frame, step)
	for target := want; ; target += step {
		full := (target - step) / frame * frame
		if full > 0 && full*100 >= target*85 {
			return target
		}
	}
}

// shape is what playlists promise after a first segment of that length. part is
// the longest that a part gets.
func (c *Config) shape(first, part time.Duration) *shape {
	most := max(c.Segment, first, c.MaxSegment)
	sh := &shape{
		target: int(math.Ceil((most - slack).Seconds())),
		part:   part, parts: c.lowLatency(), version: 6,
	}
	switch {
	case sh.parts:
		sh.version = 9
	case !c.fmp4():
		sh.version = 3
	}
	sh.target = max(1, sh.target)
	return sh
}

// carries says why the container cannot carry a track's layer; nil if it can.
func (c *Config) carries(t *media.Track, layer int8) error {
	if !c.fmp4() {
		return transportCarries(t, layer)
	}
	_, err := fmp4.Init(fmp4.Stream{Track: t, Layer: layer})
	return err
}

// retention is what stays of a rendition.
func (c *Config) retention() retention {
	return retention{live: c.Segments, spare: 3, bytes: 256 << 20, window: c.Window}
}

// nap is how much later than it could be a part may be published: little beside its
// length, but as long as one usually is while nobody watches. The first viewer waits
// for the end of the last such nap.
func (c *Config) nap(watched bool) time.Duration {
	const most, alone = 40 * time.Millisecond, 200 * time.Millisecond
	switch {
	case !watched:
		return alone
	case c.lowLatency():
		return min(c.Part/5, most)
	default:
		return most
	}
}
