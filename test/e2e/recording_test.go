//go:build e2e

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"weir/test/machine"
	"weir/test/versitygw"
)

// recordsTo records publishers at live/… into the bucket at an address.
func recordsTo(address, spool string) string {
	return `
  live/{name}:
    when: published
    stages:
      cam: {use: ingest/rtmp, with: {key: "` + key + `", grace: 6s}}
` + versitygw.Stage("http://"+address, spool, "export: mp4")
}

// vod is what vod.mjs saw.
type vod struct {
	Ended                       bool
	Position, Duration, Seconds float64
	Frames, Dropped, AudioBytes int
	Sizes, Errors               []string
	Stalls                      [][2]float64 // where, and for how long, in s
	Fatal                       string
}

// theatre serves two pages that play a recording from the bucket, at prefix, which it
// makes public: /hls by hls.js, /mp4 by itself.
func theatre(t *testing.T, address, prefix string) string {
	t.Helper()
	policy := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::%s/*"}]}`, versitygw.Bucket)
	out, err := exec.CommandContext(t.Context(), "curl", "-sS", "--fail-with-body", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", versitygw.Access+":"+versitygw.Secret,
		"-H", fmt.Sprintf("x-amz-content-sha256: %x", sha256.Sum256([]byte(policy))),
		"-X", "PUT", "--data-binary", policy, "http://"+address+"/"+versitygw.Bucket+"?policy=").CombinedOutput()
	if err != nil {
		t.Fatalf("the bucket cannot be made public: %v\n%s", err, out)
	}
	mux := http.NewServeMux()
	show := func(path, script string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<!doctype html><video width="320" height="180"></video>%s`, script)
		})
	}
	at := "/" + versitygw.Bucket + "/" + prefix
	show("/hls", `<script src="/hls.js"></script><script>
		const hls = new Hls();
		hls.on(Hls.Events.ERROR, (_, e) => { if (e.fatal) window.fatal = e.type + " " + e.details; });
		hls.loadSource("`+at+`/media/index.m3u8");
		hls.attachMedia(document.querySelector("video"));
	</script>`)
	show("/mp4", `<script>document.querySelector("video").src = "`+at+`/export.mp4"</script>`)
	mux.HandleFunc("/hls.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "../../web/node_modules/hls.js/dist/hls.min.js")
	})
	mux.Handle("/"+versitygw.Bucket+"/", httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address}))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

// playVOD plays a page to its end.
func playVOD(t *testing.T, page string, rate int, patience time.Duration) (v vod) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "vod.mjs", page, "rate="+strconv.Itoa(rate), fmt.Sprintf("patience=%.0f", patience.Seconds()))
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &v)
	}
	if err != nil {
		t.Fatalf("vod.mjs: %v\n%s", err, said.String())
	}
	t.Logf("%s: %s", page, out)
	if !v.Ended || v.Fatal != "" || len(v.Errors) > 0 || v.AudioBytes == 0 {
		t.Errorf("%s does not play to its end: %s", page, out)
	}
	return v
}

// packet is one of a file as ffprobe shows it.
type packet struct {
	Kind string  `json:"codec_type"`
	PTS  float64 `json:"pts_time,string"`
	Hash string  `json:"data_hash"`
}

func packets(t *testing.T, name string) (duration float64, all []packet) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-of", "json", "-show_data_hash", "adler32",
		"-show_entries", "packet=codec_type,pts_time,data_hash:format=duration", name).Output()
	var said struct {
		Packets []packet
		Format  struct {
			Duration float64 `json:",string"`
		}
	}
	if err == nil {
		err = json.Unmarshal(out, &said)
	}
	if err != nil {
		t.Fatalf("ffprobe %s: %v", name, err)
	}
	return said.Format.Duration, said.Packets
}

// skew compares a film with the clips that it was made of: by how much, at most, in
// seconds, sound is elsewhere beside a picture than it was in the clip.
func skew(t *testing.T, film []packet, clips ...string) (worst float64, compared int) {
	t.Helper()
	where := make(map[string][2]float64) // clip and time, of what is there once
	for i, clip := range clips {
		seen := make(map[string]bool)
		_, all := packets(t, clip)
		for _, p := range all {
			id := p.Kind + p.Hash
			if seen[id] {
				delete(where, id)
				continue
			}
			seen[id] = true
			where[id] = [2]float64{float64(i), p.PTS}
		}
	}
	slices.SortStableFunc(film, func(a, b packet) int { return int((a.PTS - b.PTS) * 1e6) })
	last := [2]float64{-1, 0} // of the newest sound: its clip, and how far it is from there
	for _, p := range film {
		at, ok := where[p.Kind+p.Hash]
		switch {
		case !ok:
		case p.Kind == "audio":
			last = [2]float64{at[0], p.PTS - at[1]}
		case last[0] == at[0]:
			if off := math.Abs(p.PTS - at[1] - last[1]); off < 1 { // else a clip began anew in between
				worst = max(worst, off)
				compared++
			}
		}
	}
	return worst, compared
}

// A source that goes twice and comes back with other pictures is one recording. It plays
// from the bucket to its end, and is one MP4 as long as the playlist, in which sound and
// picture are as they were.
func TestRecordingPlays(t *testing.T) {
	machine.Long(t)
	cores.Take(t, 0.6)
	each, rate := 4*time.Second, 3
	if os.Getenv("WEIR_SOAK") != "" {
		each, rate = 10*time.Minute, 4
	}
	small := filepath.Join(t.TempDir(), "small.flv")
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", demo, "-vf", "scale=320:180",
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "30", "-c:a", "aac", small).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	address, dir := versitygw.Start(t)
	w := startWith(t, recordsTo(address, t.TempDir()))
	for i, clip := range []string{demo, small, demo} {
		stop := w.publish(t, "show", clip)
		<-time.After(each)
		stop()
		if i < 2 {
			<-time.After(time.Second)
		}
	}
	var place string
	eventually(t, time.Minute, "the recording is exported", func() bool {
		_ = filepath.WalkDir(filepath.Join(dir, versitygw.Bucket), func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Name() == "export.mp4" {
				place = filepath.Dir(path)
			}
			return nil
		})
		return place != ""
	})
	prefix, err := filepath.Rel(filepath.Join(dir, versitygw.Bucket), place)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(place, "manifest.json"))
	var manifest struct {
		Seconds float64 `json:"duration_seconds"`
	}
	if err == nil {
		err = json.Unmarshal(text, &manifest)
	}
	if err != nil {
		t.Fatal(err)
	}
	if want := 3 * each.Seconds(); manifest.Seconds < want-3 || manifest.Seconds > want+3 {
		t.Errorf("%v s are recorded of %v", manifest.Seconds, want)
	}

	// By the command, from the same bucket: the same file.
	film := filepath.Join(t.TempDir(), "film.mp4")
	configuration := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(configuration, []byte("pipelines:"+recordsTo(address, t.TempDir())), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "../../bin/weir", "recording", "export", configuration, prefix, "--output", film).CombinedOutput(); err != nil {
		t.Fatalf("weir recording export: %v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), "cmp", film, filepath.Join(place, "export.mp4")).CombinedOutput(); err != nil {
		t.Errorf("the command makes another film: %s", out)
	}
	duration, all := packets(t, film)
	if off := duration - manifest.Seconds; off < -0.1 || off > 0.2 {
		t.Errorf("the film lasts %v s instead of %v", duration, manifest.Seconds)
	}
	worst, compared := skew(t, all, demo, small)
	if worst > 0.04 || compared < int(each.Seconds()*60) {
		t.Errorf("sound is up to %.0f ms away, at %d pictures", worst*1000, compared)
	}

	at := theatre(t, address, prefix)
	patience := 3*each/time.Duration(rate) + time.Minute
	for _, page := range []string{"/hls", "/mp4"} {
		v := playVOD(t, at+page, rate, patience)
		if math.Abs(v.Duration-duration) > 0.5 || len(v.Stalls) > 2 {
			t.Errorf("%s: %v s instead of %v, stalls %v", page, v.Duration, duration, v.Stalls)
		}
		if want := []string{"640x360", "320x180", "640x360"}; !slices.Equal(v.Sizes, want) {
			t.Errorf("%s: sizes %q", page, v.Sizes)
		}
		if want := int(duration * 30); v.Frames < want*9/10 {
			t.Errorf("%s: %d of %d pictures", page, v.Frames, want)
		}
	}
	t.Logf("FIGURE recording plays: %.2f s recorded, %.2f s exported, sound within %.1f ms at %d pictures", manifest.Seconds, duration, worst*1000, compared)
}
