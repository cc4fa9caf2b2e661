//go:build e2e

package faults

import (
	"strconv"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/test/machine"
)

// long has streams whose playlists reach far back, for readers that cannot keep up
// with ten minutes in one.
const long = listeners + `
pipelines:
  low/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 1s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true, segments: 100}}
  plain/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 1s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: false, segments: 100}}
`

// Ten minutes of stream, sent ten times as fast as they happen: sound and picture
// stay together, and nothing is lost on the way.
func TestTenMinutes(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.4)
	s := start(t, long)
	speed, patience := 10.0, 3*time.Minute
	if soak() {
		speed, patience = 1, 15*time.Minute
	}
	const length = 10 * time.Minute
	for _, c := range []struct {
		path  string
		audio *media.Track
	}{
		{"low/aac-48k", aac(t, 48000)},
		{"low/aac-44k", aac(t, 44100)},
		{"plain/opus", opus(t)},
	} {
		t.Run(c.path, func(t *testing.T) {
			t.Parallel()
			p, v := s.publish(t, c.path), s.watchSegments(t, c.path)
			st := newStream(t, 1, h264(t, 640, 360), c.audio)
			if err := p.send(st, length, speed); err != nil {
				t.Error(err)
			}
			p.close()
			v.end(patience)
			video, audio := whole(t, p, v, true)
			vs, as := v.samples("video"), v.samples("audio")
			steady(t, "video", vs)
			steady(t, "audio", as)
			most, last := skew(vs, as, 0), skew(vs, as, length-10*time.Second)
			drift := max(stretch(vs), stretch(as))
			if most > 40*time.Millisecond || drift > time.Second/30 || discontinuities(vs) > 0 {
				t.Errorf("skew %v, drift %v, %d discontinuities", most, drift, discontinuities(vs))
			}
			figure(t, "skew", "stream=%s minutes=10 speed=%v video: %v, audio: %v skew_max=%v skew_at_end=%v duration_off_by=%v",
				c.path, speed, video, audio, most, last, drift)
		})
	}
	for _, clip := range []string{"h264-aac.mp4", "h264-bframes-aac.mp4"} {
		t.Run("ffmpeg/"+clip, func(t *testing.T) {
			t.Parallel()
			const times = 100 // of 6 s
			path := "low/" + clip
			sent := played(t, clips+clip, times)
			wait := s.encode(t, path, clip, times, strconv.Itoa(int(speed)))
			v := s.watchSegments(t, path)
			wait()
			v.end(patience)
			judge(t, path, "viewer-10min", sent, v.packets(), nil)
		})
	}
}

// stretch is how much longer or shorter a track has become on the way.
func stretch(got []sample) time.Duration {
	if len(got) == 0 {
		return 0
	}
	first, last := got[0], got[len(got)-1]
	return ((last.pts - first.pts) - (last.at - first.at)).Abs()
}
