package hls

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"weir/pipeline/stagetest"
)

// A player that has read a playlist fetches what it lists, also if another run of
// the stage has begun meanwhile; and it is still listed.
func TestPartsOfEarlierRunsStay(t *testing.T) {
	s := newStudio(t, nil)
	set := stagetest.Both()
	s.feed(movie(set, 0, 5*time.Second))
	s.finish() // but no end: another run follows
	listed := regexp.MustCompile(`EXT-X-PART:.*URI="(.*?)"`).FindAllStringSubmatch(s.text(t, "video.m3u8"), -1)
	if len(listed) < 20 {
		t.Fatalf("%d parts are listed", len(listed))
	}
	s.open(t, "second")
	for after := range 2 {
		if after == 1 {
			s.feed(movie(set, 5*time.Second, 3*time.Second))
			s.check(t)
		}
		for _, match := range listed {
			if res := s.get(t, match[1]); res.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", match[1], res.Status)
			}
		}
	}
	if res := s.get(t, "video-token-p99.m4s"); res.StatusCode != http.StatusNotFound {
		t.Errorf("a part that there never was: %s", res.Status)
	}
}
