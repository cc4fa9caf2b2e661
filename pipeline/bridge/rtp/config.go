package rtp

import (
	"weir/pipeline"
	payload "weir/pipeline/bitstream/rtp"
)

// Config is the configuration of the bridge.
type Config struct {
	// MTU is the most payload bytes of a packet, without RTP header.
	MTU int `yaml:"mtu" json:"mtu" doc:"The most payload bytes of a packet, without RTP header."`
}

func defaults() Config { return Config{MTU: payload.DefaultMTU} }

// The least and the most that a path on the Internet, or in a data centre, carries.
const (
	minMTU = 500
	maxMTU = 8900
)

// Validate checks the configuration.
func (c *Config) Validate() error {
	if c.MTU < minMTU || c.MTU > maxMTU {
		return pipeline.Fieldf("mtu", "%d is not between %d and %d", c.MTU, minMTU, maxMTU)
	}
	return nil
}
