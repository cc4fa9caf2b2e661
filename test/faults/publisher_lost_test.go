//go:build e2e

package faults

import (
	"errors"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
)

// bystander is a stream that a fault should not touch.
type bystander struct {
	t    testing.TB
	p    *publisher
	v    *viewer
	stop chan struct{}
	done chan struct{}
}

// stand publishes and watches a stream beside the one under test.
func (s *server) stand(t testing.TB, path string) *bystander {
	t.Helper()
	b := &bystander{t: t, p: s.publish(t, path), v: s.watch(t, path), stop: make(chan struct{}), done: make(chan struct{})}
	st := newStream(t, 99, h264(t, 640, 360), aac(t, 48000))
	go func() {
		defer close(b.done)
		for {
			if err := b.p.send(st, 200*time.Millisecond, 1); err != nil {
				t.Errorf("bystander: %v", err)
				return
			}
			select {
			case <-b.stop:
				b.p.close()
				return
			default:
			}
		}
	}()
	return b
}

// leave ends the bystander and wants that it has lost nothing.
func (b *bystander) leave() (lost int) {
	b.t.Helper()
	close(b.stop)
	<-b.done
	b.v.end(30 * time.Second)
	video, audio := whole(b.t, b.p, b.v, true)
	if n := discontinuities(b.v.samples("video")); n > 0 {
		b.t.Errorf("bystander: %d discontinuities", n)
	}
	return len(video.lost) + len(audio.lost)
}

// missing counts the frames of a publisher that no viewer got.
func missing(p *publisher, v *viewer, kind media.Kind) int {
	a := settle(p.of(kind), v.samples(kind.String()), true)
	return a.head + len(a.lost)
}

// first is the first frame of a publisher that a viewer got.
func first(v *viewer, session uint32) func(sample) bool {
	return func(s sample) bool { return s.marked && s.session == session }
}

// R1: a publisher is cut off by a RST and comes back 3 s later, within the grace.
func TestPublisherCutOff(t *testing.T) {
	cores.Take(t, 0.15)
	s := start(t, standard)
	beside := s.stand(t, "short/beside")
	one := s.publish(t, "live/studio")
	v := s.watch(t, "live/studio")
	one.play(newStream(t, 1, h264(t, 1280, 720), aac(t, 48000)), 5500*time.Millisecond)
	one.reset()
	pause(t, 3*time.Second)
	two := s.publish(t, "live/studio")
	began := time.Now()
	two.play(newStream(t, 2, h264(t, 1280, 720), aac(t, 48000)), 6*time.Second)
	recovery := v.sees(10*time.Second, "video", "the second publisher is seen", first(v, 2)).arrived.Sub(began)
	two.close()
	v.end(20 * time.Second)

	video, audio := v.samples("video"), v.samples("audio")
	lostVideo := missing(one, v, media.KindVideo) + missing(two, v, media.KindVideo)
	lostAudio := missing(one, v, media.KindAudio) + missing(two, v, media.KindAudio)
	added := max(time.Duration(lostVideo)*time.Second/30, time.Duration(lostAudio)*1024*time.Second/48000)
	if added > 2500*time.Millisecond {
		t.Errorf("%v were lost beside what the publisher did not send", added)
	}
	if n := discontinuities(video); n != 1 {
		t.Errorf("%d discontinuities", n)
	}
	if v.answers(404) > 0 {
		t.Errorf("%d answers with 404", v.answers(404))
	}
	steady(t, "video", video)
	steady(t, "audio", audio)
	if off := skew(video, audio, 0); off > 40*time.Millisecond {
		t.Errorf("skew %v", off)
	}
	figure(t, "R1", "lost_video=%d lost_audio=%d added_loss=%v recovery=%v discontinuities=%d http=%v bystanders=%d",
		lostVideo, lostAudio, added, recovery, discontinuities(video), v.statuses, beside.leave())
}

// R2: a publisher vanishes without a word, or goes on sending, and another one comes
// with the same key.
func TestPublisherTakesOver(t *testing.T) {
	cores.Take(t, 0.15)
	s := start(t, standard)
	for name, silent := range map[string]bool{"HalfOpen": true, "StillSending": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := "short/" + name
			beside := s.stand(t, "short/beside-"+name)
			one := s.publish(t, path)
			v := s.watch(t, path)
			old := newStream(t, 1, h264(t, 1280, 720), aac(t, 48000))
			one.play(old, 4*time.Second)
			end := make(chan error, 1)
			if silent {
				pause(t, time.Second)
				end <- nil
			} else {
				go func() { end <- one.send(old, time.Minute, 1) }()
				pause(t, time.Second)
			}
			asked := time.Now()
			two := s.publish(t, path)
			accepted := time.Since(asked)
			two.play(newStream(t, 2, h264(t, 1280, 720), aac(t, 48000)), 5*time.Second)
			seen := v.sees(10*time.Second, "video", "the second publisher is seen", first(v, 2)).arrived.Sub(asked)
			if err := <-end; !silent && err == nil {
				t.Error("the first publisher could go on")
			}
			<-one.client.Done()
			var status *rtmpd.StatusError
			if !errors.As(one.client.Err(), &status) {
				t.Errorf("the first publisher was told %v", one.client.Err())
			}
			two.close()
			v.end(20 * time.Second)
			late := lateFrames(v)
			if accepted > time.Second || late > 0 {
				t.Errorf("accepted after %v, %d frames of the first publisher came later", accepted, late)
			}
			lost := missing(two, v, media.KindVideo)
			if lost > 0 {
				t.Errorf("%d pictures of the second publisher are missing", lost)
			}
			steady(t, "video", v.samples("video"))
			steady(t, "audio", v.samples("audio"))
			figure(t, "R2", "case=%s takeover=%v first_frame_seen=%v late_frames=%d lost_of_new=%d told=%q bystanders=%d",
				name, accepted, seen, late, lost, one.client.Err(), beside.leave())
		})
	}
}

// lateFrames counts the frames of session 1 behind the first one of session 2.
func lateFrames(v *viewer) (n int) {
	for _, name := range []string{"video", "audio"} {
		over := false
		for _, got := range v.samples(name) {
			over = over || got.marked && got.session == 2
			if over && got.marked && got.session == 1 {
				n++
			}
		}
	}
	return n
}

// Publishers with a wrong key, or without one, are refused and disturb nobody.
func TestWrongKey(t *testing.T) {
	cores.Take(t, 0.15)
	s := start(t, standard)
	p := s.publish(t, "short/studio")
	v := s.watch(t, "short/studio")
	st := newStream(t, 1, h264(t, 1280, 720), aac(t, 48000))
	p.play(st, 2*time.Second)
	for i, wrong := range []string{"", "x", key[:len(key)-1], key + "0"} {
		_, err := s.dial(t, "short/studio", wrong)
		var status *rtmpd.StatusError
		if !errors.As(err, &status) {
			t.Errorf("key %d: %v", i, err)
		}
		p.play(st, time.Second)
	}
	p.close()
	v.end(20 * time.Second)
	video, audio := whole(t, p, v, true)
	if n := discontinuities(v.samples("video")); n > 0 {
		t.Errorf("%d discontinuities", n)
	}
	if logged := s.log.lines(key[:len(key)-1]); len(logged) > 0 {
		t.Errorf("a key is in the log: %s", logged[0])
	}
	figure(t, "wrong-key", "refused=4 lost_video=%d lost_audio=%d", len(video.lost), len(audio.lost))
}
