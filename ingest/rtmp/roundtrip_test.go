package rtmp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"weir/pipeline"
	"weir/pipeline/access"
	"weir/pipeline/bitstream/flv"
	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
)

// TestRoundTrip publishes over real sockets: a clip, a wrong key, a takeover.
func TestRoundTrip(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := open()
	c.Key = pipeline.NewSecret("cnry-0123456789abcdef")
	s := newStudio(ctx, t, pipeline.Published, c)
	server := rtmpd.NewServer(rtmpd.Config{Handler: Handler(s.door, access.Keys{}), Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(ctx, ln); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		serving.Wait()
		<-s.ended
	})
	url := "rtmp://" + ln.Addr().String() + "/live/studio?key="

	_, err = rtmpd.Dial(ctx, url+"cnry-wrong", rtmpd.DialOptions{})
	var told *rtmpd.StatusError
	if !errors.As(err, &told) || told.Code != rtmpd.CodeDenied {
		t.Fatalf("a wrong key: %v", err)
	}

	tags := readTags(t, "h264-aac.flv")
	publish := func() *rtmpd.Client {
		t.Helper()
		client, err := rtmpd.Dial(ctx, url+c.Key.Reveal(), rtmpd.DialOptions{Encoder: "test 1.0"})
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	first := publish()
	write(t, first, tags[:len(tags)/2])
	await(t, "the first publisher's units", func() bool { return len(s.sink.Units()) > 200 })

	began := time.Now()
	second := publish()
	write(t, second, tags)
	await(t, "all units of the second publisher", func() bool { return count(s, media.KindAudio) >= 283 })
	if d := time.Since(began); d > time.Second {
		t.Errorf("the takeover took %v", d)
	}
	<-first.Done()
	if !errors.As(first.Err(), &told) || told.Code != rtmpd.CodeBadName {
		t.Errorf("the first publisher was told %v", first.Err())
	}
	if st := s.status(); st.Takeovers != 1 || st.Remote == "" {
		t.Errorf("%+v", st)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	await(t, "that the stage notices", func() bool { return s.status().State == "waiting" })
	t.Log(s.check())
}

// write sends tags as fast as it can.
func write(t *testing.T, c *rtmpd.Client, tags []flv.Tag) {
	t.Helper()
	for _, tag := range tags {
		if err := c.Write(rtmpd.Message{Type: uint8(tag.Type), Timestamp: tag.Timestamp, Payload: tag.Payload}); err != nil {
			t.Fatal(err)
		}
	}
}

// count is the number of units of a kind since the last discontinuity.
func count(s *studio, kind media.Kind) int {
	n := 0
	for _, u := range s.sink.Units() {
		if u.Kind() != kind {
			continue
		}
		if u.Flags.Has(media.Discontinuity) {
			n = 0
		}
		n++
	}
	return n
}

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
