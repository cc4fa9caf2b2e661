//go:build e2e

package faults

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"weir/pipeline/media"
	"weir/test/machine"
)

// remade has streams of which everything is coded anew: pictures in two layers, sound as
// Opus.
func remade(t *testing.T) string {
	t.Helper()
	return listeners + transcoding(t, 8) + `
pipelines:
  pass/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 1s}}
      hls: {use: outputs/hls, from: cam, with: {low_latency: false, segments: 40}}
  made/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 1s}}
      pictures:
        use: transcode/video
        from: cam
        with:
          preset: ultrafast
          layers:
            - {name: sd, width: 320, height: 180, bitrate: 400k}
            - {name: ld, width: 160, height: 90, bitrate: 100k}
      sound: {use: transcode/audio, from: pictures, with: {codec: opus}}
      hls: {use: outputs/hls, from: sound, with: {low_latency: false, segments: 40}}
`
}

// damaged is a copy of packets of which, between two times, the pictures are damaged: a
// wrong bit in a hundred thousand but one at least, a piece that ends early, or noise.
func damaged(packets []packet, from, until time.Duration, how string) []packet {
	random := rand.New(rand.NewPCG(15, 1))
	all := slices.Clone(packets)
	for i, p := range all {
		if p.kind != media.KindVideo || p.dts < from || p.dts >= until {
			continue
		}
		access := slices.Clone(p.access)
		n := random.IntN(len(access))
		b := bytes.Clone(access[n])
		switch how {
		case "bits":
			for range 1 + 8*len(b)/100_000 {
				b[random.IntN(len(b))] ^= 1 << random.IntN(8)
			}
		case "cut":
			b = b[:1+random.IntN(len(b))]
		case "noise":
			for j := range b[1:] {
				if random.IntN(50) == 0 {
					b[1+j] = byte(random.Uint32())
				}
			}
		}
		access[n] = b
		all[i].access = access
	}
	return all
}

// leftOut says whether a machine that was too busy had pictures of a stream left out.
func (s *server) leftOut(path string) bool {
	return len(s.log.lines("there is no time for all pictures", `"`+path+`"`)) > 0
}

// R15: what is made of a damaged stream goes on without a break and can be decoded, and
// another stream and what passes lose nothing. A million units are damaged in
// transcode/internal/av (TestMutations, WEIR_SOAK=1).
func TestDamagedSource(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.7)
	s := start(t, remade(t))
	const times = 4 // of 6 s
	sent := loaded(t, clips+"h264-bframes-aac.mp4", times)
	whole := loaded(t, clips+"h264-aac.mp4", times)
	type sending struct{ what []packet }
	all := map[string]sending{"pass/whole": {what: whole}, "made/whole": {what: whole}}
	for _, how := range []string{"bits", "cut", "noise"} {
		all["made/"+how] = sending{what: damaged(sent, 4*time.Second, 16*time.Second, how)}
	}
	viewers := make(map[string]*viewer)
	done := make(chan struct{})
	for path, each := range all {
		p := s.publish(t, path)
		viewers[path] = s.watch(t, path)
		go func() { p.perform(each.what); p.close(); done <- struct{}{} }()
	}
	for range all {
		<-done
	}
	for path, v := range viewers {
		v.end(30 * time.Second)
		if path == "pass/whole" {
			judge(t, path, "viewer", whole, v.packets(), nil)
			continue
		}
		for _, layer := range []string{"sd", "ld"} {
			its, keys := v.instants(layer)
			longest, n := holes(its)
			figure(t, "R15", "stream=%s layer=%s pictures=%d of %d keys=%d holes=%d longest=%v inits=%d", path, layer, len(its), 6*30*times, len(keys), n, longest, inits(v.samples("video-"+layer)))
			if longest > 2*time.Second+50*time.Millisecond || inits(v.samples("video-"+layer)) != 1 {
				t.Errorf("%s: %s has %d holes of up to %v", path, layer, n, longest)
			}
			if path == "made/whole" && !s.leftOut(path) && longest > 60*time.Millisecond { // where the clip begins again
				t.Errorf("%s: %s has %d holes of up to %v", path, layer, n, longest)
			}
		}
		if longest, n := holes20(v.samples("audio")); n > 0 {
			t.Errorf("%s: the sound has %d holes of up to %v", path, n, longest)
		}
	}
}

// holes20 is holes of sound.
func holes20(got []sample) (longest time.Duration, n int) {
	for i := range got[min(1, len(got)):] {
		if d := got[i+1].pts - got[i].pts; d > 25*time.Millisecond {
			longest, n = max(longest, d), n+1
		}
	}
	return longest, n
}

// coded makes a clip of five seconds with ffmpeg's options.
func coded(t *testing.T, size, rate string, options ...string) []packet {
	t.Helper()
	name := filepath.Join(t.TempDir(), "clip.mp4")
	words := slices.Concat([]string{
		"-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=" + size + ":rate=" + rate,
		"-f", "lavfi", "-i", "sine=440:sample_rate=48000", "-t", "5", "-pix_fmt", "yuv420p", "-g", "30", "-c:a", "aac",
	}, options, []string{name})
	if out, err := exec.CommandContext(t.Context(), "nice", slices.Insert(words, 0, "ffmpeg")...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return loaded(t, name, 1)
}

// R16: the source changes in size, frame rate, codec and sample rate. What is made of it
// stays what it is: one init section, no discontinuity, and hardly a picture less.
func TestSourceChangesThroughTranscode(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.5)
	s := start(t, remade(t))
	x264 := []string{"-c:v", "libx264", "-preset", "ultrafast"}
	parts := [][]packet{
		coded(t, "640x360", "30", x264...),
		coded(t, "1280x720", "30", x264...),
		coded(t, "480x360", "25", x264...),
		coded(t, "640x360", "30", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"),
		coded(t, "640x360", "30", append(x264, "-ar", "44100")...),
		coded(t, "640x360", "30", append(x264, "-ac", "1")...),
	}
	var all []packet
	for i, part := range parts {
		for _, p := range part {
			p.dts += time.Duration(i) * 5 * time.Second
			p.pts += time.Duration(i) * 5 * time.Second
			all = append(all, p)
		}
	}
	const path = "made/changing"
	p, v := s.publish(t, path), s.watch(t, path)
	p.perform(all)
	p.close()
	v.end(30 * time.Second)
	for _, layer := range []string{"sd", "ld"} {
		got := v.samples("video-" + layer)
		its, _ := v.instants(layer)
		longest, n := holes(its)
		figure(t, "R16", "transcoded: changes=%d layer=%s pictures=%d inits=%d discontinuities=%d holes=%d longest=%v", len(parts)-1, layer, len(got), inits(got), discontinuities(got), n, longest)
		if inits(got) != 1 || discontinuities(got) > 0 || longest > time.Second && !s.leftOut(path) {
			t.Errorf("%s: %d init sections, %d discontinuities, %d holes of up to %v", layer, inits(got), discontinuities(got), n, longest)
		}
	}
	sound := v.samples("audio")
	longest, n := holes20(sound)
	figure(t, "R16", "transcoded: sound: units=%d inits=%d holes=%d longest=%v", len(sound), inits(sound), n, longest)
	if inits(sound) != 1 || n > 0 {
		t.Errorf("the sound: %d init sections, %d holes of up to %v", inits(sound), n, longest)
	}
}
