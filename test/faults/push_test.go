//go:build e2e

package faults

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"weir/pipeline/media"
)

// pushing has streams that are pushed to {target}, and watched.
const pushing = `
server:
  http: {listen: "127.0.0.1:0"}
  rtmp: {listen: "127.0.0.1:0"}
  outgoing: {allow: ["127.0.0.0/8"]}
  log: {format: json}
pipelines:
  short/{name}:
    when: published
    adapt: none
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 1s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: true, segments: 20}}
      push: {use: outputs/rtmp, from: cam, with: {url: "rtmp://{target}/short/copy", key: "canary?key=` + key + `"}}
`

// pushState is the state of the push of a stream, its reason and how many sessions it had.
func (s *server) pushState(path string) (state, reason string, sessions int) {
	_, text := s.get("/v1/streams")
	var list []struct {
		Path   string
		Stages []struct {
			Name   string
			Detail struct {
				Targets []struct {
					State, Reason string
					Sessions      int
				}
			}
		}
	}
	_ = json.Unmarshal([]byte(text), &list)
	for _, st := range list {
		for _, g := range st.Stages {
			if st.Path == path && g.Name == "push" && len(g.Detail.Targets) > 0 {
				t := g.Detail.Targets[0]
				return t.State, t.Reason, t.Sessions
			}
		}
	}
	return "", "", 0
}

// One Weir pushes to another: no frame is lost on the way.
func TestRestream(t *testing.T) {
	cores.Take(t, 0.3)
	far := start(t, standard)
	near := start(t, strings.NewReplacer("{target}", far.rtmp, "/short/copy", "/short").Replace(pushing))
	p := near.publish(t, "short/source")
	local, remote := near.watch(t, "short/source"), far.watch(t, "short/canary")
	p.play(newStream(t, 1, h264(t, 640, 360), aac(t, 48000)), 6*time.Second)
	p.close()
	for _, v := range []*viewer{local, remote} {
		v.end(20 * time.Second)
		video, audio := whole(t, p, v, true)
		figure(t, "restream", "video: %v, audio: %v", video, audio)
	}
	if lines := near.log.lines("canary"); len(lines) > 0 {
		t.Errorf("the key is in the log: %s", lines[0])
	}
}

// R4, R6: a target that refuses, then one that takes connections and never reads. Each
// shows for what it is, and a viewer of the same stream loses nothing.
func TestPushTargets(t *testing.T) {
	cores.Take(t, 0.3)
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = deaf.Close() })
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	for _, c := range []struct{ name, target, reason string }{
		{"R4", gone.Addr().String(), "connection_refused"},
		{"R6", deaf.Addr().String(), "timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, strings.ReplaceAll(pushing, "{target}", c.target))
			p := s.publish(t, "short/source")
			v := s.watch(t, "short/source")
			began := time.Now()
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				p.play(newStream(t, 1, h264(t, 640, 360), aac(t, 48000)), 13*time.Second)
			}()
			eventually(t, 20*time.Second, "the reason shows", func() bool {
				_, reason, _ := s.pushState("short/source")
				return reason == c.reason
			})
			shown := time.Since(began)
			<-sent
			p.close()
			v.end(20 * time.Second)
			video, audio := whole(t, p, v, true)
			if len(p.of(media.KindVideo)) == 0 {
				t.Error("nothing was sent")
			}
			figure(t, c.name, "reason=%s shown_after=%v bystander video: %v, audio: %v", c.reason, shown, video, audio)
		})
	}
}
