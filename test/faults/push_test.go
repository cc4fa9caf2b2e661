//go:build e2e

package faults

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
)

// pushing has streams that are watched, and pushed by the stages that are appended.
const pushing = listeners + pushedHere

// pushedHere is the same without the beginning of the server section.
const pushedHere = `  outgoing: {allow: ["127.0.0.0/8", "::1"]}
pipelines:
  short/{name}:
    when: published
    adapt: none
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 1s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true, segments: 20}}
`

// push is a stage that pushes.
func push(name, url, key string) string {
	return fmt.Sprintf("      %s: {use: outputs/rtmp, from: cam, with: {url: %q, key: %q}}\n", name, url, key)
}

// pushed is what a server shows of a push.
type pushed struct {
	State, Reason, Message string
	Sessions               int
	Delay                  float64 `json:"delay_seconds"`
	DroppedVideo           int     `json:"dropped_video"`
	DroppedAudio           int     `json:"dropped_audio"`
}

// pushes are the pushes of a stream by their stages.
func (s *server) pushes(path string) map[string]pushed {
	_, text := s.get("/v1/streams?stages=true")
	var list struct {
		Items []struct {
			Path   string
			Stages []struct {
				Name   string
				Detail struct{ Targets []pushed }
			}
		}
	}
	_ = json.Unmarshal([]byte(text), &list)
	all := make(map[string]pushed)
	for _, st := range list.Items {
		for _, g := range st.Stages {
			if st.Path == path && len(g.Detail.Targets) > 0 {
				all[g.Name] = g.Detail.Targets[0]
			}
		}
	}
	return all
}

const source = "short/source"

// playing publishes st to a server until the result is called, which wants that a viewer
// of the same stream has lost nothing.
func (s *server) playing(t *testing.T, st *stream) (p *publisher, finish func()) {
	t.Helper()
	p = s.publish(t, source)
	v := s.watch(t, source)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				p.play(st, 200*time.Millisecond)
			}
		}
	}()
	return p, func() {
		t.Helper()
		close(stop)
		<-done
		p.close()
		v.end(20 * time.Second)
		video, audio := whole(t, p, v, true)
		figure(t, t.Name(), "bystander video: %v, audio: %v", video, audio)
	}
}

// R4: targets that cannot be reached, are not to be trusted or refuse. Each shows for
// what it is.
func TestPushRefused(t *testing.T) {
	cores.Take(t, 0.3)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	stranger := start(t, strings.ReplaceAll(secure, "{dir}", certificates(t))) // of a CA that nobody knows
	strict := serveSink(t)
	strict.refusal.Store(rtmpd.BadName("there is no such key"))
	_, port, err := net.SplitHostPort(stranger.rtmps)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, pushing+
		push("connection_refused", "rtmp://"+gone.Addr().String()+"/app", "canary")+
		push("dns", "rtmp://no..such.host/app", "canary")+
		push("certificate", "rtmps://localhost:"+port+"/app", "canary")+
		push("tls", "rtmps://"+strict.address+"/app", "canary")+
		push("bad_name", "rtmp://"+strict.address+"/app", "canary"))
	began := time.Now()
	_, finish := s.playing(t, newStream(t, 1, h264(t, 640, 360), aac(t, 48000)))
	eventually(t, 20*time.Second, "the reasons show", func() bool {
		all := s.pushes(source)
		for name, p := range all {
			if p.Reason != name {
				return false
			}
		}
		return len(all) == 5
	})
	if shown := time.Since(began); shown > 2*time.Second {
		t.Errorf("the reasons show after %v", shown)
	}
	figure(t, "R4", "reasons_after=%v", time.Since(began))
	for name, p := range s.pushes(source) {
		if p.Message == "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
	pause(t, 3*time.Second) // they are tried again
	finish()
	if lines := s.log.lines("canary"); len(lines) > 0 {
		t.Errorf("the key is in the log: %s", lines[0])
	}
}

// R5: a target that takes half of what is sent loses the ends of GOPs, no sound, and is
// never late by more than four seconds.
func TestPushSlow(t *testing.T) {
	cores.Take(t, 0.15)
	slow := serveSink(t)
	s := start(t, pushing+push("push", "rtmp://"+slow.address+"/app", "copy"))
	st := newStream(t, 1, h264(t, 640, 360), aac(t, 48000))
	st.size = 25_000 // 6 Mbit/s
	slow.rate.Store(375_000)
	p, finish := s.playing(t, st)
	eventually(t, 20*time.Second, "pictures are left out", func() bool { return s.pushes(source)["push"].DroppedVideo > 0 })
	most := 0.0
	for range 12 {
		pause(t, 250*time.Millisecond)
		most = max(most, s.pushes(source)["push"].Delay)
	}
	state := s.pushes(source)["push"]
	slow.rate.Store(0)
	finish()
	if state.DroppedAudio > 0 || state.Sessions != 1 || most > 4 {
		t.Errorf("%+v, up to %.1f s late", state, most)
	}
	sent := make(map[mark]time.Time)
	for _, kind := range []media.Kind{media.KindVideo, media.KindAudio} {
		for _, f := range p.of(kind) {
			sent[f.mark] = f.when
		}
	}
	var latest time.Duration
	lost := 0
	in := slow.last(1)
	for _, kind := range []media.Kind{media.KindVideo, media.KindAudio} {
		all := in.of(kind)
		for i, a := range all {
			latest = max(latest, a.when.Sub(sent[a.mark]))
			if i == 0 || a.number == all[i-1].number+1 {
				continue
			}
			lost += int(a.number - all[i-1].number - 1)
			if kind == media.KindAudio || !a.key {
				t.Errorf("%v %d comes after %d", kind, a.number, all[i-1].number)
			}
		}
	}
	if latest > 4*time.Second || lost == 0 {
		t.Errorf("%d pictures lost, up to %v late", lost, latest)
	}
	figure(t, "R5", "lost_pictures=%d of %d lost_sound=0 latest=%v", lost, len(p.of(media.KindVideo)), latest)
}

// R6: a target that hangs while the system beneath it acknowledges, and comes to.
func TestPushHangs(t *testing.T) {
	cores.Take(t, 0.15)
	target := serveSink(t)
	s := start(t, pushing+push("push", "rtmp://"+target.address+"/app", "copy"))
	st := newStream(t, 1, h264(t, 640, 360), aac(t, 48000))
	st.size = 4000
	p, finish := s.playing(t, st)
	eventually(t, 20*time.Second, "two seconds have come", func() bool {
		in := target.last(1)
		return in != nil && len(in.of(media.KindVideo)) > 60
	})
	target.hung.Store(true)
	began := time.Now()
	eventually(t, 20*time.Second, "it shows", func() bool { return s.pushes(source)["push"].State == "stalled" })
	shown := time.Since(began)
	eventually(t, 20*time.Second, "it is given up", func() bool { return s.pushes(source)["push"].Reason == "stalled" })
	found := time.Since(began)
	target.hung.Store(false)
	healed := time.Now()
	eventually(t, 20*time.Second, "another session", func() bool { return target.count() > 1 && len(target.last(1).of(media.KindVideo)) > 30 })
	in := target.last(1)
	back := in.began.Sub(healed)
	finish()
	if found > 10*time.Second || back > 3*time.Second {
		t.Errorf("found out after %v, back after %v", found, back)
	}
	beginning := in.first(5)
	headers := 0
	for _, a := range beginning {
		if a.header {
			headers++
		}
		if a.marked && a.kind == media.KindVideo {
			if !a.key {
				t.Errorf("the session begins with picture %d", a.number)
			}
			break
		}
	}
	if headers == 0 {
		t.Errorf("no sequence header in %+v", beginning)
	}
	// Times go on as if nothing had been.
	shift := func(a arrival) time.Duration { return a.at - time.Duration(a.stamp)*time.Millisecond }
	before, after := target.last(2).of(media.KindVideo)[0], in.of(media.KindVideo)[0]
	if d := shift(after) - shift(before); d.Abs() > 2*time.Millisecond {
		t.Errorf("timestamps are %v off behind the hole", d)
	}
	figure(t, "R6", "stalled_after=%v given_up_after=%v back_after=%v sent=%d", shown, found, back, len(p.of(media.KindVideo)))
}

// R7: a hundred restarts of targets, two of each of fifty, leave nothing behind; in the
// long form it is 700 in six minutes. Pushes must have been steady between two of them,
// or they wait longer each time, as they should.
func TestPushRestarts(t *testing.T) {
	cores.Take(t, 0.25)
	const many = 50
	rounds, between := 2, time.Duration(0)
	if soak() {
		rounds, between = 14, 21*time.Second
	}
	target := serveSink(t)
	var text strings.Builder
	text.WriteString(pushing)
	for i := range many {
		text.WriteString(push(fmt.Sprint("push", i), "rtmp://"+target.address+"/app", fmt.Sprint("copy", i)))
	}
	s := start(t, text.String())
	_, finish := s.playing(t, newStream(t, 1, h264(t, 640, 360), aac(t, 48000)))
	flowing := func(sessions int) bool {
		if target.count() < sessions {
			return false
		}
		for i := range many {
			if len(target.last(1+i).of(media.KindVideo)) == 0 {
				return false
			}
		}
		return true
	}
	eventually(t, 20*time.Second, "all pushes are live", func() bool { return flowing(many) })
	before, heap := s.usage(), s.live()
	var worst time.Duration
	for round := range rounds {
		pause(t, between)
		if round == 4 { // playlists are full now, and what is held for viewers grows no more
			before, heap = s.usage(), s.live()
		}
		target.restart()
		began := time.Now()
		eventually(t, 20*time.Second, "all pushes are live again", func() bool { return flowing(many * (round + 2)) })
		worst = max(worst, time.Since(began))
	}
	pause(t, between) // as before
	after := s.settles(20*time.Second, before)
	grown := s.live() - heap
	limit := 3 * time.Second
	if soak() { // of so many, some are tried while the target is away, and again 2 s later
		limit = 10 * time.Second
	}
	if worst > limit || soak() && grown > 4<<20 {
		t.Errorf("back after %v at worst, %.1f MB more are reachable", worst, mb(grown))
	}
	finish()
	figure(t, "R7", "restarts=%d back_after=%v before: %v, after: %v, reachable_heap: delta=%.1fMB", many*rounds, worst, before, after, mb(grown))
}
