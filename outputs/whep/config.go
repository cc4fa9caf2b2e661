package whep

import (
	"errors"
	"time"

	"weir/pipeline"
)

// Config is the configuration of outputs/whep.
type Config struct {
	// MaxViewers is how many may watch one stream by WebRTC.
	MaxViewers int `yaml:"max_viewers" json:"max_viewers" doc:"How many viewers may watch one stream by WebRTC."`
	// StartBitrate is what a viewer's path is taken to carry before it has shown what
	// it does: it chooses the first of several layers.
	StartBitrate pipeline.Bitrate `yaml:"start_bitrate" json:"start_bitrate" doc:"What a viewer's path is taken to carry at first; it chooses the first of several layers."`
	// MinDelay and MaxDelay bound how long players hold pictures back to show them
	// evenly, where they take such advice. Without MaxDelay they decide themselves.
	MinDelay time.Duration `yaml:"min_delay" json:"min_delay" doc:"The least time that players shall hold pictures back, to show them evenly."`
	MaxDelay time.Duration `yaml:"max_delay" json:"max_delay" doc:"The most time that players shall hold pictures back; 0 leaves it to them."`
}

// longestDelay is what the header extension can say.
const longestDelay = 40 * time.Second

func defaults() Config { return Config{MaxViewers: 1000, StartBitrate: 2.5e6} }

// Validate reports everything that is wrong.
func (c *Config) Validate() error {
	var errs []error
	if c.MaxViewers < 1 || c.MaxViewers > 100_000 {
		errs = append(errs, pipeline.Fieldf("max_viewers", "%d is not between 1 and 100000", c.MaxViewers))
	}
	if c.StartBitrate < 100e3 || c.StartBitrate > 100e6 {
		errs = append(errs, pipeline.Fieldf("start_bitrate", "%v is not between 100k and 100M", c.StartBitrate).WithHint("try 2.5M"))
	}
	if c.MaxDelay < 0 || c.MaxDelay > longestDelay {
		errs = append(errs, pipeline.Fieldf("max_delay", "%v is not between 0s and %v", c.MaxDelay, longestDelay))
	}
	if c.MinDelay < 0 || c.MinDelay > c.MaxDelay {
		errs = append(errs, pipeline.Fieldf("min_delay", "%v is not between 0s and max_delay", c.MinDelay))
	}
	return errors.Join(errs...)
}

// longest is the upper end of what players may hold back once they are told anything.
func (c *Config) longest() time.Duration {
	if c.MaxDelay > 0 {
		return c.MaxDelay
	}
	return freeHold
}

func (c *Config) start() int64 { return int64(c.StartBitrate) }
