package whip

import (
	"time"

	"weir/ingest/reception"
	"weir/pipeline"
)

// Config is the configuration of a WHIP source.
type Config struct {
	// Key is what publishers must show as bearer token. Without any key only
	// publishers on this machine are let in.
	Key pipeline.Secret `yaml:"key" json:"key" doc:"What publishers must show as bearer token. Without any key only publishers on this machine are let in."`
	// Keys are further keys that are valid, so that a key can be replaced without a
	// moment in which neither the old nor the new one works.
	Keys []pipeline.Secret `yaml:"keys" json:"keys" doc:"Further keys that are valid too, so that a key can be replaced without a gap."`
	// Grace is how long a publisher that went away is waited for before the stream
	// ends.
	Grace time.Duration `yaml:"grace" json:"grace" doc:"How long a publisher that went away is waited for before the stream ends."`
	// KeyframeEvery is how often a key frame of every layer is asked for although nobody
	// needs one; 0 is never. Browsers send none by themselves, so that the segments of
	// several layers do not begin together.
	KeyframeEvery time.Duration `yaml:"keyframe_every" json:"keyframe_every" doc:"How often the publisher is asked for a key frame of every layer, besides when one is needed; 0 is never. HLS of several layers wants 2s."`
	// At is the place beneath the pipeline's path, "" for the path itself.
	At string `yaml:"at" json:"at" doc:"What is added to the pipeline's path to publish here, so that it can have several sources: guest makes it /live/studio/guest/whip."`
	// MaxBitrate is the most that a publisher may send, over some seconds.
	MaxBitrate pipeline.Bitrate `yaml:"max_bitrate" json:"max_bitrate" doc:"The most that a publisher may send, over some seconds."`
}

const (
	// minKeyframes is the least that makes sense: each costs several pictures' bits.
	minKeyframes = 500 * time.Millisecond
	maxKeyframes = time.Hour
)

func defaults() Config { return Config{Grace: 10 * time.Second, MaxBitrate: 64e6} }

// Validate checks the configuration.
func (c *Config) Validate() error {
	if c.KeyframeEvery != 0 && (c.KeyframeEvery < minKeyframes || c.KeyframeEvery > maxKeyframes) {
		return pipeline.Fieldf("keyframe_every", "%v is not between %v and %v", c.KeyframeEvery, minKeyframes, maxKeyframes).WithHint("try 2s")
	}
	if err := reception.Check(c.Grace, c.MaxBitrate, c.Keys); err != nil {
		return err
	}
	return pipeline.CheckAt(c.At)
}

// keys are all that are valid.
func (c *Config) keys() reception.Keys { return append(reception.Keys{c.Key}, c.Keys...) }
