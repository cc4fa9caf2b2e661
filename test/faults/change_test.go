//go:build e2e

package faults

import (
	"testing"
	"time"

	"weir/pipeline/media"
)

// R16: the publisher changes its parameters in mid-stream. Every frame comes, with
// the init section that it needs.
func TestParametersChange(t *testing.T) {
	cores.Take(t, 0.15)
	s := start(t, standard)
	big, small := h264(t, 1280, 720), h264(t, 640, 360)
	fine, cd := aac(t, 48000), aac(t, 44100)
	type tracks struct{ video, audio *media.Track }
	for _, c := range []struct {
		name  string
		first tracks
		then  []tracks
		// videoInits and audioInits are how many init sections each must have used,
		// breaks how many discontinuities the picture.
		videoInits, audioInits, breaks int
	}{
		{"720p-360p-720p", tracks{big, fine}, []tracks{{small, fine}, {big, fine}}, 3, 0, 2},
		{"H264-H265", tracks{big, fine}, []tracks{{h265(t), fine}}, 2, 0, 1},
		{"H265-AV1", tracks{h265(t), fine}, []tracks{{av1(t), fine}}, 2, 0, 1},
		{"48k-44k-48k", tracks{big, fine}, []tracks{{big, cd}, {big, fine}}, 0, 3, 2},
		{"AAC-Opus", tracks{big, fine}, []tracks{{big, opus(t)}}, 0, 2, 1},
		{"both", tracks{big, fine}, []tracks{{small, cd}}, 2, 2, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, v := s.publish(t, "short/"+c.name), s.watch(t, "short/"+c.name)
			st := newStream(t, 1, c.first.video, c.first.audio)
			p.play(st, 4*time.Second)
			for _, then := range c.then {
				st.change(then.video, then.audio)
				p.play(st, 4*time.Second)
			}
			p.close()
			v.end(20 * time.Second)
			video, audio := whole(t, p, v, true)
			vs, as := v.samples("video"), v.samples("audio")
			steady(t, "video", vs)
			steady(t, "audio", as)
			if n := inits(vs); n < c.videoInits {
				t.Errorf("%d init sections of video", n)
			}
			if n := inits(as); n < c.audioInits {
				t.Errorf("%d init sections of audio", n)
			}
			if n := discontinuities(vs); n != c.breaks {
				t.Errorf("%d discontinuities", n)
			}
			off := skew(vs, as, 0)
			if off > 40*time.Millisecond {
				t.Errorf("skew %v", off)
			}
			figure(t, "R16", "case=%s video: %v, audio: %v silence=%d discontinuities=%d inits=%d+%d skew=%v", c.name,
				video, audio, audio.foreign, discontinuities(vs), inits(vs), inits(as), off)
		})
	}
}

// R16: the frame rate changes, which no parameter set says.
func TestFrameRateChanges(t *testing.T) {
	cores.Take(t, 0.15)
	s := start(t, standard)
	p, v := s.publish(t, "short/studio"), s.watch(t, "short/studio")
	st := newStream(t, 1, h264(t, 1280, 720), aac(t, 48000))
	for _, fps := range []int{30, 60, 15, 24} {
		st.pace(fps)
		p.play(st, 4*time.Second)
	}
	p.close()
	v.end(20 * time.Second)
	video, audio := whole(t, p, v, true)
	vs, as := v.samples("video"), v.samples("audio")
	steady(t, "video", vs)
	steady(t, "audio", as)
	if off := skew(vs, as, 0); off > 40*time.Millisecond || discontinuities(vs) > 0 {
		t.Errorf("skew %v, %d discontinuities", off, discontinuities(vs))
	}
	figure(t, "R16", "case=30-60-15-24fps video: %v, audio: %v skew=%v", video, audio, skew(vs, as, 0))
}

// R16: sound goes away and comes back, comes late, or goes for good. The picture
// goes on without a break, and where there is no sound there is silence.
func TestSoundComesAndGoes(t *testing.T) {
	cores.Take(t, 0.15)
	s := start(t, standard)
	picture, sound := h264(t, 1280, 720), aac(t, 48000)
	for _, c := range []struct {
		name  string
		audio []*media.Track // 5 s each
		// silence is how much of it there must be at least.
		silence time.Duration
		breaks  int
	}{
		{"returns", []*media.Track{sound, nil, sound}, 4500 * time.Millisecond, 0},
		{"ends", []*media.Track{sound, nil, nil}, 8 * time.Second, 0},
		{"late", []*media.Track{nil, sound, sound}, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, v := s.publish(t, "short/"+c.name), s.watch(t, "short/"+c.name)
			st := newStream(t, 1, picture, c.audio[0])
			for i, audio := range c.audio {
				if i > 0 {
					st.change(picture, audio)
				}
				p.play(st, 5*time.Second)
			}
			p.close()
			v.end(20 * time.Second)
			video, audio := whole(t, p, v, true)
			vs, as := v.samples("video"), v.samples("audio")
			steady(t, "video", vs)
			steady(t, "audio", as)
			var silence time.Duration
			for _, got := range as {
				if !got.marked {
					silence += got.dur
				}
			}
			if silence < c.silence {
				t.Errorf("%v of silence", silence)
			}
			if n := discontinuities(vs); n > c.breaks {
				t.Errorf("%d discontinuities", n)
			}
			off := skew(vs, as, 0)
			if off > 40*time.Millisecond {
				t.Errorf("skew %v", off)
			}
			figure(t, "R16", "case=sound-%s video: %v, audio: %v silence=%v discontinuities=%d skew=%v", c.name,
				video, audio, silence, discontinuities(vs), off)
		})
	}
}
