package hls

import (
	"testing"
	"time"

	"weir/pipeline/service/httpd"
	"weir/pipeline/stagetest"
)

func TestConformance(t *testing.T) {
	stagetest.Run(t, Factory(httpd.New(httpd.Config{}), nil), stagetest.Options{
		Configure: func(_ *testing.T, cfg any) { cfg.(*Config).Linger = 0 },
	})
}

func TestConformanceWithWindow(t *testing.T) {
	stagetest.Run(t, Factory(httpd.New(httpd.Config{}), nil), stagetest.Options{
		Configure: func(t *testing.T, cfg any) {
			t.Helper()
			c := cfg.(*Config)
			c.Linger, c.Window, c.Directory = 0, time.Minute, t.TempDir()
		},
	})
}
