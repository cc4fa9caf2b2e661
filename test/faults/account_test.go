//go:build e2e

package faults

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"weir/pipeline/media"
)

// account compares what was sent of a track with what came.
type account struct {
	sent, got int
	head      int    // sent before the first one that came
	lost      []mark // that did not come, though sent after it
	doubled   int
	foreign   int // that nobody sent: silence
}

func (a account) String() string {
	return fmt.Sprintf("sent=%d got=%d before_first=%d lost=%d", a.sent, a.got, a.head, len(a.lost))
}

// settle makes an account. If the stream was not watched to its end, frames after
// the last one that came do not count.
func settle(sent []sending, got []sample, ended bool) account {
	a := account{sent: len(sent)}
	seen := make(map[mark]bool)
	for _, s := range got {
		switch {
		case !s.marked:
			a.foreign++
		case seen[s.mark]:
			a.doubled++
		default:
			seen[s.mark] = true
			a.got++
		}
	}
	came := func(s sending) bool { return seen[s.mark] }
	a.head = slices.IndexFunc(sent, came)
	if a.head < 0 {
		a.head = len(sent)
	}
	last := len(sent)
	if !ended {
		for last > a.head && !came(sent[last-1]) {
			last--
		}
	}
	for _, s := range sent[a.head:last] {
		if !came(s) {
			a.lost = append(a.lost, s.mark)
		}
	}
	return a
}

// whole wants that nothing is missing or doubled of what a publisher sent, and
// returns the accounts of picture and sound.
func whole(t testing.TB, p *publisher, v *viewer, ended bool) (video, audio account) {
	t.Helper()
	for _, kind := range []media.Kind{media.KindVideo, media.KindAudio} {
		sent := p.of(kind)
		a := settle(sent, v.samples(kind.String()), ended)
		if len(sent) > 0 && (a.got == 0 || len(a.lost) > 0 || a.doubled > 0) {
			t.Errorf("%v: %v doubled=%d; first lost %v", kind, a, a.doubled, a.lost[:min(3, len(a.lost))])
		}
		if kind == media.KindVideo {
			video = a
			if a.head > 0 {
				t.Errorf("video: the first %d frames are missing", a.head)
			}
		} else {
			audio = a
		}
	}
	return video, audio
}

// steady wants decoding times that rise without a hole, but where the timeline begins
// anew, and durations that are neither nothing nor more than 10 s.
func steady(t testing.TB, what string, got []sample) {
	t.Helper()
	faults := 0
	for i, s := range got {
		fault := ""
		switch {
		case s.dur <= 0 || s.dur > 10*time.Second:
			fault = fmt.Sprintf("lasts %v", s.dur)
		case s.pts < s.dts:
			fault = fmt.Sprintf("is shown %v before it is decoded", s.dts-s.pts)
		case i == 0 || s.cc != got[i-1].cc:
		case s.dts <= got[i-1].dts:
			fault = fmt.Sprintf("is decoded at %v, after one at %v", s.dts, got[i-1].dts)
		case (s.dts - got[i-1].dts - got[i-1].dur).Abs() > 50*time.Microsecond:
			fault = fmt.Sprintf("is decoded at %v, after one from %v that lasts %v", s.dts, got[i-1].dts, got[i-1].dur)
		}
		if fault == "" {
			continue
		}
		if faults++; faults <= 3 {
			t.Errorf("%s: frame %d of segment %d (%+v) %s", what, i, s.msn, s.mark, fault)
		}
	}
	if faults > 3 {
		t.Errorf("%s: %d such faults", what, faults)
	}
}

// skew is how far sound and picture have moved against each other at most, by what
// their marks say, from the source's time from on.
func skew(video, audio []sample, from time.Duration) time.Duration {
	var most time.Duration
	v := 0
	for _, a := range audio {
		if !a.marked || a.at < from {
			continue
		}
		for v+1 < len(video) && (!video[v].marked || video[v+1].arrivedBefore(a)) {
			v++
		}
		p := video[v]
		if p.cc != a.cc || p.session != a.session || (p.at-a.at).Abs() > time.Second || p.at < from {
			continue
		}
		most = max(most, ((a.pts - a.at) - (p.pts - p.at)).Abs())
	}
	return most
}

// arrivedBefore says whether a picture is not behind a sound in the order of the
// source.
func (s sample) arrivedBefore(a sample) bool {
	if s.session != a.session {
		return s.session < a.session
	}
	return s.at <= a.at
}

// discontinuities counts the places at which the timeline begins anew.
func discontinuities(got []sample) (n int) {
	for i := range got[min(1, len(got)):] {
		if got[i+1].cc != got[i].cc {
			n++
		}
	}
	return n
}

// inits counts the init sections in use.
func inits(got []sample) int {
	names := make(map[string]bool)
	for _, s := range got {
		names[s.init] = true
	}
	return len(names)
}
