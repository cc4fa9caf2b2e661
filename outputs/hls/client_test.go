package hls

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2"
	"github.com/bluenviron/gohlslib/v2/pkg/codecs"

	"weir/pipeline/media"
)

// witness is gohlslib's client and what it saw, per kind: presentation times in
// ticks of the track.
type witness struct {
	client *gohlslib.Client
	mu     sync.Mutex // guards what follows
	seen   map[media.Kind][]int64
	rates  map[media.Kind]int
	first  chan struct{}
}

func newWitness(t *testing.T, url string) *witness {
	t.Helper()
	w := &witness{
		seen: map[media.Kind][]int64{}, rates: map[media.Kind]int{}, first: make(chan struct{}),
	}
	quiet := func(string) {}
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	w.client = &gohlslib.Client{
		URI: url, HTTPClient: &http.Client{Transport: tr},
		OnDownloadPrimaryPlaylist: quiet, OnDownloadStreamPlaylist: quiet, OnDownloadSegment: quiet, OnDownloadPart: quiet,
		OnDecodeError: func(err error) { t.Error(err) },
	}
	w.client.OnTracks = func(tracks []*gohlslib.Track) error {
		for _, track := range tracks {
			w.rates[w.listen(track)] = track.ClockRate
		}
		return nil
	}
	return w
}

func (w *witness) note(k media.Kind, pts int64, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) == 0 {
		close(w.first)
	}
	for range n {
		w.seen[k] = append(w.seen[k], pts)
	}
}

func (w *witness) listen(track *gohlslib.Track) media.Kind {
	switch track.Codec.(type) {
	case *codecs.H264, *codecs.H265:
		w.client.OnDataH26x(track, func(pts, _ int64, _ [][]byte) { w.note(media.KindVideo, pts, 1) })
		return media.KindVideo
	case *codecs.Opus:
		w.client.OnDataOpus(track, func(pts int64, p [][]byte) { w.note(media.KindAudio, pts, len(p)) })
	default:
		w.client.OnDataMPEG4Audio(track, func(pts int64, p [][]byte) { w.note(media.KindAudio, pts, len(p)) })
	}
	return media.KindAudio
}

// rising checks that each kind was seen in rising order, without holes longer than
// a frame, and in step.
func (w *witness) rising(t *testing.T, frames map[media.Kind]time.Duration) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for kind, frame := range frames {
		seen := w.seen[kind]
		if len(seen) == 0 {
			t.Errorf("no %v", kind)
			continue
		}
		for i := 1; i < len(seen); i++ {
			step := time.Duration(seen[i]-seen[i-1]) * time.Second / time.Duration(w.rates[kind])
			if step <= 0 || step > frame+frame/2 {
				t.Errorf("%v: unit %d is %v after the one before it", kind, i, step)
			}
		}
	}
}

const (
	videoFrame = time.Second / 30
	aacFrame   = 1024 * time.Second / 48000
)

// A client that reads a finished stream sees every frame once.
func TestClientReadsAll(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"fmp4":   func(c *Config) { c.LowLatency = false },
		"mpegts": func(c *Config) { c.Container = containerMPEGTS },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStudio(t, func(c *Config) { c.Segments = 20; change(c) })
			srv := httptest.NewServer(s.site)
			defer srv.Close()
			set, units := clip(t, "h264-aac.mp4")
			s.feed(loop(set, units, 1))
			s.end()
			w := newWitness(t, srv.URL+"/"+testPath+"/index.m3u8")
			if err := w.client.Start(); err != nil {
				t.Fatal(err)
			}
			defer w.client.Close()
			if err := w.client.Wait2(); !errors.Is(err, gohlslib.ErrClientEOS) {
				t.Errorf("the client ended with %v", err)
			}
			w.rising(t, map[media.Kind]time.Duration{media.KindVideo: videoFrame, media.KindAudio: aacFrame})
			if got := len(w.seen[media.KindVideo]); got != 180 {
				t.Errorf("%d of 180 pictures", got)
			}
			if got := len(w.seen[media.KindAudio]); got < 279 || got > 282 {
				t.Errorf("%d of 281 frames of audio", got)
			}
		})
	}
}

// A client that follows parts sees every frame from where it came in.
func TestClientFollowsParts(t *testing.T) {
	t.Parallel()
	s := newStudio(t, nil)
	srv := httptest.NewServer(s.site)
	defer srv.Close()
	set, units := clip(t, "h264-aac.mp4")
	items := loop(set, units, 2)
	at := func(item media.Item) time.Duration {
		if u, ok := item.(*media.Unit); ok {
			return u.Time()
		}
		return 0
	}
	for len(items) > 0 && at(items[0]) < 4500*time.Millisecond {
		s.take(items[0])
		items = items[1:]
	}
	w := newWitness(t, srv.URL+"/"+testPath+"/index.m3u8")
	if err := w.client.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.client.Close()
	start := time.Now().Add(-4500 * time.Millisecond)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for len(items) > 0 && at(items[0]) < 9*time.Second {
		for len(items) > 0 && at(items[0]) < time.Since(start) {
			s.take(items[0])
			items = items[1:]
		}
		<-tick.C
	}
	s.end()
	_ = w.client.Wait2() // the end of the parts is an error to it
	w.rising(t, map[media.Kind]time.Duration{media.KindVideo: videoFrame, media.KindAudio: aacFrame})
	if got := len(w.seen[media.KindVideo]); got < 110 {
		t.Errorf("only %d pictures in 4.5 s", got)
	}
}
