package whep

import (
	"testing"

	"weir/pipeline/media"
	"weir/pipeline/service/httpd"
	"weir/pipeline/service/rtc/egress"
	"weir/pipeline/stagetest"
)

func TestConformance(t *testing.T) {
	engine, err := egress.New(egress.Config{})
	check(t, err)
	stagetest.Run(t, Factory(httpd.New(httpd.Config{}), engine, nil, nil), stagetest.Options{
		Tracks: func() *media.TrackSet { return &media.TrackSet{Version: 1, Tracks: []*media.Track{video(""), sound()}} },
	})
}
