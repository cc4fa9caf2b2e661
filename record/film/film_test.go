package film

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/fmp4"
	"weir/pipeline/media"
	"weir/pipeline/service/store"
	"weir/pipeline/stagetest"
	"weir/record/spool"
)

// shelf is a store with one recording, which is made scene by scene.
type shelf struct {
	t     *testing.T
	store store.Store
	spool.Manifest
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	cfg := store.Place{Dir: t.TempDir()}
	s, err := cfg.Open()
	if err != nil {
		t.Fatal(err)
	}
	return &shelf{t: t, store: s, Manifest: spool.Manifest{Version: 1, Recording: spool.Recording{Session: "S", Pipeline: "live/a", Prefix: "live/a/S", Started: time.Unix(1e9, 0)}}}
}

func (s *shelf) put(name string, b []byte) (sum string) {
	s.t.Helper()
	h := sha256.Sum256(b)
	if err := s.store.Put(s.t.Context(), store.Object{Key: "live/a/S/" + name, Body: bytes.NewReader(b), Size: int64(len(b)), Sum: h}); err != nil {
		s.t.Fatal(err)
	}
	return hex.EncodeToString(h[:])
}

// scene adds what the tracks show from a time on, in segments of two fragments of a
// second: in one rendition, or one for each track.
func (s *shelf) scene(from, length time.Duration, apart bool, tracks ...*media.Track) {
	s.t.Helper()
	number := 0
	if n := len(s.Segments); n > 0 {
		number = s.Segments[n-1].Number + 1
	}
	units := make(map[media.TrackID][]*media.Unit)
	for _, item := range stagetest.MovieFrom(&media.TrackSet{Version: 1, Tracks: tracks}, from, from+length) {
		if u, ok := item.(*media.Unit); ok {
			units[u.Track.ID] = append(units[u.Track.ID], u)
		}
	}
	renditions := [][]*media.Track{tracks}
	if apart {
		renditions = nil
		for _, t := range tracks {
			renditions = append(renditions, []*media.Track{t})
		}
	}
	inits := make([]string, len(renditions))
	for i, r := range renditions {
		inits[i] = s.section(r)
	}
	for at := from; at < from+length; at, number = at+2*time.Second, number+1 {
		for i, r := range renditions {
			s.segment(r, inits[i], number, at, at == from, units)
		}
	}
	s.Manifest.Ended = s.Started.Add(from + length)
}

func nameOf(r []*media.Track) string {
	if len(r) == 1 {
		return string(r[0].ID)
	}
	return "video+audio"
}

func (s *shelf) section(r []*media.Track) string {
	s.t.Helper()
	var streams []fmp4.Stream
	i := spool.Init{Rendition: nameOf(r), URI: fmt.Sprintf("%s/init-%d.mp4", nameOf(r), len(s.Inits))}
	for _, t := range r {
		streams = append(streams, fmp4.Stream{Track: t})
		d := spool.Track{ID: string(t.ID), Kind: t.Kind().String(), Codec: t.Codec.String(), Rate: uint32(t.Rate), Channels: t.Channels}
		if len(t.Layers) > 0 {
			d.Layer, d.Width, d.Height = t.Layers[0].Name, t.Layers[0].Width, t.Layers[0].Height
		}
		i.Tracks = append(i.Tracks, d)
	}
	b, err := fmp4.Init(streams...)
	if err != nil {
		s.t.Fatal(err)
	}
	i.Bytes, i.SHA256 = int64(len(b)), s.put("media/"+i.URI, b)
	s.Inits = append(s.Inits, i)
	return i.URI
}

func (s *shelf) segment(r []*media.Track, init string, number int, at time.Duration, fresh bool, units map[media.TrackID][]*media.Unit) {
	s.t.Helper()
	var file []byte
	for n := range 2 {
		var runs []fmp4.Run
		for i, t := range r {
			run := fmp4.Run{Number: uint32(i) + 1}
			for u := units[t.ID]; len(u) > 0 && u[0].Time() < at+time.Duration(n+1)*time.Second; u = u[1:] {
				d := fmp4.Nominal(u[0])
				if len(u) > 1 {
					d = u[1].DTS - u[0].DTS
				}
				run.Samples = append(run.Samples, fmp4.Sample{Unit: u[0], Duration: d})
				units[t.ID] = u[1:]
			}
			if len(run.Samples) > 0 {
				runs = append(runs, run)
			}
		}
		if len(runs) == 0 {
			continue
		}
		head, _ := fmp4.Head(uint32(n), runs...)
		file = append(file, head...)
		for _, run := range runs {
			for _, sample := range run.Samples {
				file, _ = bitstream.Append(file, sample.Unit.Track.Codec, sample.Unit.Access)
			}
		}
	}
	seg := spool.Segment{
		URI: fmt.Sprintf("%s/%06d.m4s", nameOf(r), number), Rendition: nameOf(r), Number: number, Init: init,
		Start: s.Started.Add(at), Seconds: 2, Bytes: int64(len(file)), Discontinuity: fresh && number > 0,
	}
	seg.SHA256 = s.put("media/"+seg.URI, file)
	s.Segments = append(s.Segments, seg)
}

func (s *shelf) plan(opts Options) []*Film {
	s.t.Helper()
	films, err := Plan(s.t.Context(), s.store, &s.Manifest, opts)
	if err != nil {
		s.t.Fatal(err)
	}
	return films
}

// probed is what ffprobe says of a track.
type probed struct {
	kind                      string
	first, last               float64 // when samples are shown
	packets, width, longPause int
	sizes                     string // of all packets, in order
}

// probe writes a film and looks at it.
func probe(t *testing.T, f *Film) (tracks []probed) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "film.mp4")
	b, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	if err != nil || int64(len(b)) != f.Size() {
		t.Fatalf("%d of %d bytes: %v", len(b), f.Size(), err)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-of", "json", "-show_packets", "-show_streams", "-show_format", name).Output()
	if err != nil {
		t.Fatalf("ffprobe: %v", err)
	}
	var said struct {
		Packets []struct {
			Stream int    `json:"stream_index"`
			PTS    string `json:"pts_time"`
			Length string `json:"duration_time"`
			Size   string `json:"size"`
		}
		Streams []struct {
			Kind  string `json:"codec_type"`
			Width int
		}
		Format struct{ Duration string }
	}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatal(err)
	}
	if got := number(said.Format.Duration); got < f.Duration.Seconds()-0.001 || got > f.Duration.Seconds()+0.001 {
		t.Errorf("ffprobe sees %v s, the film says %v", got, f.Duration)
	}
	for _, s := range said.Streams {
		tracks = append(tracks, probed{kind: s.Kind, width: s.Width, first: -1})
	}
	for _, p := range said.Packets {
		track, at := &tracks[p.Stream], number(p.PTS)
		if track.first < 0 {
			track.first = at
		}
		track.last = at
		track.packets++
		track.sizes += p.Size + " "
		if number(p.Length) > 0.5 {
			track.longPause++
		}
	}
	return tracks
}

func number(s string) float64 {
	v, _ := strconv.ParseFloat(s, 64)
	return v
}

// A publisher who goes and comes back with other pictures is one film, in which nothing
// is missing and sound and picture stay together; the gap is closed, or kept.
func TestOneFilm(t *testing.T) {
	other := stagetest.VideoTrack()
	other.Layers[0].Width, other.Layers[0].Height = 320, 180
	other.Config = append(append([]byte(nil), other.Config...), 0)
	s := newShelf(t)
	s.scene(0, 6*time.Second, false, stagetest.VideoTrack(), stagetest.AudioTrack())
	s.scene(16*time.Second, 4*time.Second, false, other, stagetest.AudioTrack())
	s.scene(20*time.Second, 4*time.Second, false, stagetest.VideoTrack(), stagetest.AudioTrack())
	for name, c := range map[string]struct {
		opts Options
		want time.Duration
		long int
	}{
		"closed": {Options{}, 14 * time.Second, 0},
		"kept":   {Options{Gaps: true}, 24 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			films := s.plan(c.opts)
			if len(films) != 1 || films[0].Duration < c.want || films[0].Duration > c.want+100*time.Millisecond {
				t.Fatalf("%d films, the first lasts %v", len(films), films[0].Duration)
			}
			tracks := probe(t, films[0])
			if len(tracks) != 2 || tracks[0].kind != "video" || tracks[1].kind != "audio" {
				t.Fatalf("%+v", tracks)
			}
			v, a := tracks[0], tracks[1]
			if v.packets != 14*30 || a.packets < 14*46 {
				t.Errorf("%d pictures and %d sounds", v.packets, a.packets)
			}
			if v.first != 0 || a.first != 0 || v.longPause != c.long || a.longPause != c.long {
				t.Errorf("video %+v, audio %+v", v, a)
			}
			if skew := a.last - v.last; skew < -0.04 || skew > 0.04 {
				t.Errorf("they end %v s apart", skew)
			}
		})
	}
	// Key pictures of the second and third scene say themselves how to decode them.
	sets := []byte{0, 0, 0, 0x1a, 0x67, 0x64, 0, 0x1e}
	one, _ := io.ReadAll(io.NewSectionReader(s.plan(Options{})[0], 0, 1<<30))
	two, _ := io.ReadAll(io.NewSectionReader(s.plan(Options{})[0], 0, 1<<30))
	if !bytes.Equal(one, two) {
		t.Error("it is another film the second time")
	}
	if n := bytes.Count(one, sets); n != 8 {
		t.Errorf("parameter sets are in the film %d times", n)
	}
	if i, j := bytes.Index(one, []byte("moov")), bytes.Index(one, []byte("mdat")); i > j {
		t.Error("the index is not in front")
	}
}

// However it is read, a film has the same bytes.
func TestPieces(t *testing.T) {
	s := newShelf(t)
	s.scene(0, 8*time.Second, true, stagetest.VideoTrack(), stagetest.AudioTrack())
	f := s.plan(Options{})[0]
	whole := make([]byte, f.Size())
	if n, err := f.ReadAt(whole, 0); n != len(whole) || err != nil {
		t.Fatal(n, err)
	}
	for _, size := range []int{1, 7, 1000, 4096} {
		for at := 0; at < len(whole); at += max(size, len(whole)/20) {
			b := make([]byte, size)
			n, err := f.ReadAt(b, int64(at))
			want := whole[at:min(at+size, len(whole))]
			if !bytes.Equal(b[:n], want) || (err != nil) != (n < size) {
				t.Fatalf("%d bytes at %d: %v", size, at, err)
			}
		}
	}
	if tracks := probe(t, f); len(tracks) != 2 || tracks[0].packets != 240 || tracks[1].packets < 370 {
		t.Errorf("%+v", tracks)
	}
}

// What one file cannot hold is several.
func TestSeveralFilms(t *testing.T) {
	slow := stagetest.AudioTrack()
	slow.Rate, slow.Config = 44100, []byte{0x12, 0x10}
	s := newShelf(t)
	s.scene(0, 4*time.Second, false, stagetest.VideoTrack(), stagetest.AudioTrack())
	s.scene(4*time.Second, 2*time.Second, false, stagetest.VideoTrack(), slow)
	films := s.plan(Options{})
	if len(films) != 2 || films[0].Because != "" || films[1].Because != "at 01:46:44 UTC audio changes from 48000 to 44100 Hz" {
		t.Fatalf("%d films, %q", len(films), films[len(films)-1].Because)
	}
	for i, want := range []float64{4, 2} {
		if got := films[i].Duration.Seconds(); got < want || got > want+0.1 {
			t.Errorf("film %d lasts %v s", i, got)
		}
		probe(t, films[i])
	}
}

// A layer can be chosen, and is the largest else; what is missing is a gap.
func TestLayers(t *testing.T) {
	low, high := stagetest.VideoTrack(), stagetest.VideoTrack()
	low.ID, high.ID = "video-sd", "video-hd"
	low.Layers[0].Name, high.Layers[0].Name = "sd", "hd"
	low.Layers[0].Width, low.Layers[0].Height = 320, 180
	s := newShelf(t)
	s.scene(0, 6*time.Second, true, low, high, stagetest.AudioTrack())
	for layer, width := range map[string]int{"": 640, "sd": 320} {
		if tracks := probe(t, s.plan(Options{Layer: layer})[0]); len(tracks) != 2 || tracks[0].width != width || tracks[0].packets != 180 {
			t.Errorf("layer %q: %+v", layer, tracks)
		}
	}
	if _, err := Plan(t.Context(), s.store, &s.Manifest, Options{Layer: "4k"}); err == nil || !strings.Contains(err.Error(), "hd, sd") {
		t.Error(err)
	}
	for i := range s.Segments {
		if s.Segments[i].Number == 1 {
			s.Segments[i].Missing = "damaged"
		}
	}
	if d := s.plan(Options{})[0].Duration; d < 4*time.Second || d > 4100*time.Millisecond {
		t.Errorf("without the middle it lasts %v", d)
	}
	if d := s.plan(Options{Gaps: true})[0].Duration; d < 6*time.Second || d > 6100*time.Millisecond {
		t.Errorf("with the gap it lasts %v", d)
	}
}

// Whatever is wrong with what is in the store is said, with the name of it.
func TestDamaged(t *testing.T) {
	s := newShelf(t)
	s.scene(0, 4*time.Second, false, stagetest.VideoTrack(), stagetest.AudioTrack())
	if err := s.store.Delete(t.Context(), "live/a/S/media/video+audio/000001.m4s"); err != nil {
		t.Fatal(err)
	}
	if _, err := Plan(t.Context(), s.store, &s.Manifest, Options{}); !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "000001.m4s") {
		t.Error(err)
	}
	s.put("media/video+audio/000001.m4s", []byte("nothing of the kind"))
	s.Segments[1].Bytes = 19
	if _, err := Plan(t.Context(), s.store, &s.Manifest, Options{}); err == nil || !strings.Contains(err.Error(), "000001.m4s") {
		t.Error(err)
	}
	empty := spool.Manifest{Version: 1}
	if _, err := Plan(t.Context(), s.store, &empty, Options{}); err == nil {
		t.Error("there is a film of nothing")
	}
}

func TestShelf(t *testing.T) {
	s := newShelf(t)
	ctx := context.Background()
	if all, err := List(ctx, s.store); len(all) != 0 || err != nil {
		t.Error(all, err)
	}
	if _, err := Find(ctx, s.store, "S"); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
	s.put(startedName, []byte(`{"data": {"session": "S", "pipeline": "live/a", "started": "2026-11-28T09:06:17Z"}}`))
	all, err := List(ctx, s.store)
	if err != nil || len(all) != 1 || all[0].Prefix != "live/a/S" || !all[0].Ended.IsZero() {
		t.Error(all, err)
	}
	if _, err := Find(ctx, s.store, "S"); !errors.Is(err, ErrGrowing) {
		t.Error(err)
	}
	s.scene(0, 4*time.Second, false, stagetest.VideoTrack())
	text, _ := json.Marshal(s.Manifest)
	s.put(manifestName, text)
	s.put(endedName, []byte(`{"data": {"session": "S", "pipeline": "live/a", "started": "2026-11-28T09:06:17Z", "ended": "2026-11-28T09:06:21Z", "duration_seconds": 4}}`))
	all, err = List(ctx, s.store)
	if err != nil || len(all) != 1 || all[0].Seconds != 4 || all[0].Ended.IsZero() {
		t.Error(all, err)
	}
	for _, name := range []string{"S", "live/a/S", "live/a/S/"} {
		if m, err := Find(ctx, s.store, name); err != nil || len(m.Segments) != 2 {
			t.Error(name, m, err)
		}
	}
}
