package rtmp

import (
	"testing"

	"weir/pipeline"
	"weir/pipeline/service/outgoing"
	"weir/pipeline/stagetest"
)

// The target is never there: what every stage owes the runtime does not depend on it.
func TestConformance(t *testing.T) {
	stagetest.Run(t, Factory(new(outgoing.Dialer).DialContext), stagetest.Options{
		Configure: func(_ *testing.T, cfg any) {
			cfg.(*Config).URL = pipeline.NewSecret("rtmp://127.0.0.1:1/app/name")
		},
	})
}
