package rtmp

import (
	"slices"
	"time"

	"weir/pipeline"
)

// Config is the configuration of an RTMP source.
type Config struct {
	// Key is what publishers must show: rtmp://host/app/name?key=…. Without any key
	// only publishers on this machine are let in.
	Key pipeline.Secret `yaml:"key" json:"key" doc:"What publishers must show: rtmp://host/app/name?key=…. Without any key only publishers on this machine are let in."`
	// Keys are further keys that are valid, so that a key can be replaced without a
	// moment in which neither the old nor the new one works.
	Keys []pipeline.Secret `yaml:"keys" json:"keys" doc:"Further keys that are valid too, so that a key can be replaced without a gap."`
	// Grace is how long a publisher that went away is waited for before the stream
	// ends.
	Grace time.Duration `yaml:"grace" json:"grace" doc:"How long a publisher that went away is waited for before the stream ends."`
	// At is the place beneath the pipeline's path, "" for the path itself.
	At string `yaml:"at" json:"at" doc:"What is added to the pipeline's path to publish here, so that it can have several sources: guest makes it rtmp://host/live/studio/guest."`
	// MaxBitrate is the most that a publisher may send, over some seconds.
	MaxBitrate pipeline.Bitrate `yaml:"max_bitrate" json:"max_bitrate" doc:"The most that a publisher may send, over some seconds."`
}

const (
	maxGrace = time.Hour
	maxKeys  = 16
	// goodKey is the length from which on a key is not remarked upon, in bytes.
	goodKey = 16
)

func defaults() Config { return Config{Grace: 10 * time.Second, MaxBitrate: 64e6} }

// Validate checks the configuration.
func (c *Config) Validate() error {
	switch {
	case c.Grace < 0 || c.Grace > maxGrace:
		return pipeline.Fieldf("grace", "%v is not between 0s and %v", c.Grace, maxGrace)
	case c.MaxBitrate < 100e3:
		return pipeline.Fieldf("max_bitrate", "%v is too little for a stream", c.MaxBitrate).WithHint("try 64M")
	case len(c.Keys) > maxKeys:
		return pipeline.Fieldf("keys", "%d keys; at most %d are allowed", len(c.Keys), maxKeys)
	}
	for i, k := range c.Keys {
		if k.Empty() {
			return pipeline.Fieldf("keys", "number %d is empty", i+1)
		}
	}
	return pipeline.CheckAt(c.At)
}

// keys are all that are valid.
func (c *Config) keys() []pipeline.Secret { return append([]pipeline.Secret{c.Key}, c.Keys...) }

// weak says whether a key is so short that it may be guessed.
func (c *Config) weak() bool {
	short := func(k pipeline.Secret) bool { return !k.Empty() && len(k.Reveal()) < goodKey }
	return slices.ContainsFunc(c.keys(), short)
}
