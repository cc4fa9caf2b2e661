package observe

import (
	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// profileOf is the profile that a track's configuration names; "" if it names none.
func profileOf(t *media.Track) string {
	config := t.Config
	if len(t.Layers) > 0 {
		config = t.LayerConfig(0)
	}
	if len(config) == 0 {
		return ""
	}
	p, err := bitstream.Parse(t.Codec, config, bitstream.Limits{})
	if err != nil {
		return ""
	}
	if name := p.Traits().Profile; name != "other" {
		return name
	}
	return ""
}
