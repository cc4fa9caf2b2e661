package switcher

import "weir/pipeline"

// The policies.
const (
	newest  = "newest"
	inOrder = "order"
)

// Config is the configuration of a switch.
type Config struct {
	// Policy is "newest" or "order".
	Policy string `yaml:"policy" json:"policy" enum:"newest,order" doc:"Which source is on air: the one whose publisher began last, or the first in from that is on."`
}

func defaults() Config { return Config{Policy: newest} }

// Validate checks the configuration.
func (c *Config) Validate() error {
	if c.Policy != newest && c.Policy != inOrder {
		return pipeline.Fieldf("policy", "%q is none of newest, order", c.Policy)
	}
	return nil
}
