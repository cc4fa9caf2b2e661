package hls

import (
	"testing"

	"weir/pipeline/service/httpd"
	"weir/pipeline/stagetest"
)

func TestConformance(t *testing.T) {
	stagetest.Run(t, Factory(httpd.New(httpd.Config{})), stagetest.Options{
		Configure: func(_ *testing.T, cfg any) { cfg.(*Config).Linger = 0 },
	})
}
