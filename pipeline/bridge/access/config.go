package access

import (
	"time"

	"weir/pipeline"
	"weir/pipeline/bitstream/rtp"
)

// Config is the configuration of the bridge.
type Config struct {
	// Wait is how long packets wait for a missing one.
	Wait time.Duration `yaml:"wait" json:"wait" doc:"How long packets wait for a missing one. Nothing waits while none is missing."`
}

func defaults() Config { return Config{Wait: rtp.DefaultReorderWait} }

const maxWait = 5 * time.Second

// Validate checks the configuration.
func (c *Config) Validate() error {
	if c.Wait < 0 || c.Wait > maxWait {
		return pipeline.Fieldf("wait", "%v is not between 0s and %v", c.Wait, maxWait)
	}
	return nil
}
