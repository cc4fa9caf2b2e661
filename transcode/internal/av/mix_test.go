//go:build libav && cgo

package av

import (
	"cmp"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/test/machine"
	"weir/transcode/testcard"
	"weir/transcode/wire"
)

// guest is a test card as an input of a mix.
type guest struct {
	name          string
	width, height int
	fps           float64
	video, audio  media.Codec
	offset        time.Duration // when its time begins
	length        time.Duration
	ppm           int64 // by how much its clock is too slow
}

// units are what a guest sends, with its tracks.
func (g guest) clip(t testing.TB) clip {
	t.Helper()
	job := wire.Job{
		Version: wire.Version, Test: &wire.Test{Width: g.width, Height: g.height, FPS: g.fps},
		Video: &wire.Video{
			Codec: wire.Codec(g.video), Preset: "ultrafast", KeyframeEveryMillis: 1000, Layers: []wire.Layer{{Bitrate: 600_000}},
		},
		Audio: &wire.Audio{Codec: wire.Codec(g.audio)},
	}
	r := hasten(t, job, 0, g.length)
	c := clip{set: &media.TrackSet{}}
	tracks := make(map[*media.Track]*media.Track)
	for _, track := range r.sets[len(r.sets)-1].Tracks {
		own := *track
		own.ID = media.TrackID(g.name) + "/" + track.ID
		own.Group = g.name
		tracks[track] = &own
		c.set.Tracks = append(c.set.Tracks, &own)
	}
	for _, u := range r.units {
		v := *u
		v.Track = tracks[u.Track]
		v.PTS += v.PTS*media.Ticks(g.ppm)/1_000_000 + v.Track.Rate.Ticks(g.offset)
		v.DTS = v.PTS
		c.units = append(c.units, &v)
	}
	slices.SortStableFunc(c.units, func(a, b *media.Unit) int { return cmp.Compare(a.Time(), b.Time()) })
	return c
}

// together are the messages of several inputs at once, in the order of time.
func together(clips ...clip) []wire.Message {
	set := &media.TrackSet{Version: 1}
	var units []*media.Unit
	for _, c := range clips {
		set.Tracks = append(set.Tracks, c.set.Tracks...)
		units = append(units, c.units...)
	}
	slices.SortStableFunc(units, func(a, b *media.Unit) int { return cmp.Compare(a.Time(), b.Time()) })
	return clip{set: set, units: units}.messages()
}

func mixJob(width, height int, fps float64) wire.Job {
	return wire.Job{
		Version: wire.Version, Mix: &wire.Mix{Width: width, Height: height, FPS: fps, LatencyMillis: 5000, Background: "#204060"},
		Video: ladderOf(2000, wire.Layer{Name: "a", Bitrate: 2_000_000}),
		Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus)},
	}
}

// row is a scene of tracks side by side.
func row(names ...string) wire.Scene {
	var s wire.Scene
	for i, n := range names {
		part := 1 / float64(len(names))
		s.Boxes = append(s.Boxes, wire.Box{Track: media.TrackID(n) + "/video", X: float64(i) * part, Width: part, Height: 1, Opacity: 1})
	}
	return s
}

// numbers reads the number in each of n boxes side by side, or -1.
func numbers(luma []byte, width, height, n int) []int64 {
	var all []int64
	for i := range n {
		left, right := i*width/n, (i+1)*width/n
		got, ok := testcard.Read(right-left, height, func(x, y int) uint8 { return luma[y*width+left+x] })
		if !ok {
			all = append(all, -1)
		} else {
			all = append(all, int64(got))
		}
	}
	return all
}

// steady checks that a mix lost and doubled nothing: pictures at n/fps exactly, and
// sound without a gap.
func (r *result) steady(t *testing.T, fps float64) {
	t.Helper()
	r.check(t)
	pictures, sound := r.of(media.KindVideo, 0), r.of(media.KindAudio, 0)
	if len(pictures) == 0 || len(sound) == 0 {
		t.Fatalf("%d pictures, %d units of sound", len(pictures), len(sound))
	}
	first := int64(math.Round(float64(pictures[0].PTS) * fps / 90_000))
	for i, u := range pictures {
		if want := media.Ticks((first + int64(i)) * 90_000_000 / int64(fps*1000)); u.PTS != want {
			t.Fatalf("picture %d is at %d, want %d", i, u.PTS, want)
		}
	}
	for i, u := range sound[1:] {
		if d := u.PTS - sound[i].PTS; d != 960 || u.Flags.Has(media.Gap) {
			t.Fatalf("%d ticks and %v at %v", d, u.Flags, u.Time())
		}
	}
}

// Inputs of any size, rate and codec are each in their box, at their time.
func TestMix(t *testing.T) {
	guests := []guest{
		{name: "a", width: 320, height: 180, fps: 30, video: media.CodecH264, audio: media.CodecOpus, length: 6 * time.Second},
		{name: "b", width: 640, height: 360, fps: 25, video: media.CodecVP8, audio: media.CodecAAC, offset: 250 * time.Millisecond, length: 6 * time.Second},
		{name: "c", width: 400, height: 400, fps: 15, video: media.CodecVP9, audio: media.CodecOpus, offset: 500 * time.Millisecond, length: 6 * time.Second},
		{name: "d", width: 240, height: 320, fps: 60, video: media.CodecH264, audio: media.CodecAAC, offset: 750 * time.Millisecond, length: 6 * time.Second},
	}
	var clips []clip
	for _, g := range guests {
		clips = append(clips, g.clip(t))
	}
	scene := row("a", "b", "c", "d")
	for i := range scene.Boxes {
		scene.Boxes[i].Crop = false
	}
	scene.Sounds = []wire.Sound{{Track: "d/audio", Gain: 1, Mute: true}}
	job := mixJob(960, 240, 30)
	ms := append([]wire.Message{scene}, together(clips...)...)
	r := run(t, job, ms...)
	r.steady(t, 30)
	seen := 0
	decodeAll(t, r.track(t, media.KindVideo), 0, r.of(media.KindVideo, 0), func(f *astiav.Frame) {
		luma := lumaOf(t, f)
		at := media.VideoRate.Duration(media.Ticks(f.Pts()))
		for i, g := range guests {
			a := areaOf(float64(i)/4, 0, 0.25, 1, 960, 240).fit(float64(g.width) / float64(g.height))
			got, ok := testcard.Read(a.width, a.height, func(x, y int) uint8 { return luma[(a.y+y)*960+a.x+x] })
			since := at + early - g.offset
			if since < 200*time.Millisecond || since > g.length {
				continue
			}
			if want := uint64(since.Seconds() * g.fps); !ok || got != want {
				t.Fatalf("at %v, %s shows %d, %v; want %d", at, g.name, got, ok, want)
			}
			seen++
		}
	})
	if seen < 4*150 {
		t.Errorf("%d boxes were read", seen)
	}
	clicks := heard(t, r.track(t, media.KindAudio), r.of(media.KindAudio, 0))
	if len(clicks) < 3*5 {
		t.Errorf("clicks at %v", clicks)
	}
	for _, at := range clicks {
		if off := at % 48_000; off > 30_000 && off < 42_000 {
			t.Errorf("a click of the one that is muted, at %v", soundRate.Duration(at))
		}
	}
	if n := len(r.levels); n < 60 || len(r.levels[20].Of) != 4 || r.levels[20].Of["a/audio"] < -30 || r.levels[20].Of["a/audio"] > -10 {
		t.Errorf("%d levels, %v", n, r.levels[min(n-1, 20)])
	}
}

// After ten minutes picture and sound of each input still belong together, also of one
// whose clock is wrong.
func TestLipSync(t *testing.T) {
	machine.Long(t)
	length, ppm := apart()
	guests := []guest{
		{name: "a", width: 160, height: 96, fps: 30, video: media.CodecH264, audio: media.CodecOpus, length: length},
		{name: "b", width: 160, height: 96, fps: 25, video: media.CodecH264, audio: media.CodecAAC, offset: 300 * time.Millisecond, length: length, ppm: ppm},
		{name: "c", width: 160, height: 96, fps: 15, video: media.CodecH264, audio: media.CodecOpus, offset: 600 * time.Millisecond, length: length},
	}
	var clips []clip
	for _, g := range guests {
		clips = append(clips, g.clip(t))
	}
	job := mixJob(480, 96, 30)
	r := run(t, job, append([]wire.Message{row("a", "b", "c")}, together(clips...)...)...)
	r.steady(t, 30)
	shown := make([]map[int64]time.Duration, len(guests)) // when each second begins in the picture
	for i := range shown {
		shown[i] = make(map[int64]time.Duration)
	}
	decodeAll(t, r.track(t, media.KindVideo), 0, r.of(media.KindVideo, 0), func(f *astiav.Frame) {
		at := media.VideoRate.Duration(media.Ticks(f.Pts()))
		for i, n := range numbers(lumaOf(t, f), 480, 96, 3) {
			second := n / int64(guests[i].fps)
			if _, known := shown[i][second]; n >= 0 && !known {
				shown[i][second] = at
			}
		}
	})
	clicks := heard(t, r.track(t, media.KindAudio), r.of(media.KindAudio, 0))
	for i, g := range guests {
		var worst time.Duration
		n := 0
		for _, click := range clicks {
			at := soundRate.Duration(click)
			local := (at - g.offset).Seconds() / (1 + float64(g.ppm)/1e6)
			second := int64(math.Round(local))
			if math.Abs(local-float64(second)) > 0.1 || second == 0 {
				continue // of another
			}
			begins, ok := shown[i][second]
			if !ok {
				continue
			}
			n++
			if skew := begins - at; skew.Abs() > worst.Abs() {
				worst = skew
			}
		}
		t.Logf("%s: %d clicks, at most %v", g.name, n, worst)
		if n < int(length.Seconds())-10 || worst.Abs() > 40*time.Millisecond {
			t.Errorf("%s: picture and sound are %v apart; %d clicks", g.name, worst, n)
		}
	}
}

// Inputs that come and go cost the output nothing, a hundred times.
func TestComingAndGoing(t *testing.T) {
	machine.Long(t)
	const times = 100
	host := guest{name: "a", width: 160, height: 96, fps: 30, video: media.CodecH264, audio: media.CodecOpus, length: (times + 2) * time.Second}.clip(t)
	visit := guest{name: "b", width: 160, height: 96, fps: 30, video: media.CodecH264, audio: media.CodecAAC, length: 600 * time.Millisecond}.clip(t)
	both := &media.TrackSet{Version: 2, Tracks: append(slices.Clone(host.set.Tracks), visit.set.Tracks...)}
	ms := []wire.Message{row("a", "b"), wire.Tracks{TrackSet: host.set}}
	visits, next := 0, 0
	there := false
	for _, u := range host.units {
		now := u.Time()
		if start := time.Duration(visits+1) * time.Second; !there && visits < times && now >= start {
			there, next = true, 0
			ms = append(ms, wire.Tracks{TrackSet: both})
		}
		for start := time.Duration(visits+1) * time.Second; there; next++ {
			if next == len(visit.units) {
				there = false
				visits++
				ms = append(ms, wire.Tracks{TrackSet: host.set})
				break
			}
			v := *visit.units[next]
			if v.Time()+start > now {
				break
			}
			v.PTS += v.Track.Rate.Ticks(start)
			v.DTS = v.PTS
			ms = append(ms, wire.Unit{Unit: &v})
		}
		ms = append(ms, wire.Unit{Unit: u})
	}
	r := run(t, mixJob(320, 96, 30), ms...)
	r.steady(t, 30)
	if n := len(r.of(media.KindVideo, 0)); n < (times+2)*30-2 {
		t.Errorf("%d pictures from %d on, to %d; sound to %v", n, r.of(media.KindVideo, 0)[0].PTS/3000, r.of(media.KindVideo, 0)[n-1].PTS/3000, r.of(media.KindAudio, 0)[len(r.of(media.KindAudio, 0))-1].Time())
	}
	seen := 0
	decodeAll(t, r.track(t, media.KindVideo), 0, r.of(media.KindVideo, 0), func(f *astiav.Frame) {
		n := numbers(lumaOf(t, f), 320, 96, 2)
		if want := min(f.Pts()/3000, (times+2)*30-1); n[0] != want {
			t.Fatalf("the host shows %d, want %d", n[0], want)
		}
		if n[1] >= 0 {
			seen++
		}
	})
	if seen < times*15 {
		t.Errorf("%d pictures of the guest", seen)
	}
}

// What is damaged in one input costs the others nothing.
func TestDamagedInput(t *testing.T) {
	host := guest{name: "a", width: 160, height: 96, fps: 30, video: media.CodecH264, audio: media.CodecOpus, length: 6 * time.Second}.clip(t)
	bad := guest{name: "b", width: 160, height: 96, fps: 30, video: media.CodecH264, audio: media.CodecAAC, length: 6 * time.Second}.clip(t).flip(5000, 3)
	r := run(t, mixJob(320, 96, 30), append([]wire.Message{row("a", "b")}, together(host, bad)...)...)
	r.steady(t, 30)
	decodeAll(t, r.track(t, media.KindVideo), 0, r.of(media.KindVideo, 0), func(f *astiav.Frame) {
		if n := numbers(lumaOf(t, f), 320, 96, 2); n[0] != min(179, f.Pts()/3000) {
			t.Fatalf("%d at %d", n[0], f.Pts())
		}
	})
}

// An input that stalls shows its last picture, and time goes on when all do.
func TestStall(t *testing.T) {
	host := guest{name: "a", width: 160, height: 96, fps: 30, video: media.CodecH264, audio: media.CodecOpus, length: 3 * time.Second}.clip(t)
	lazy := guest{name: "b", width: 160, height: 96, fps: 30, video: media.CodecH264, audio: media.CodecAAC, length: time.Second}.clip(t)
	r := &result{}
	enough := make(chan struct{})
	job := mixJob(320, 96, 30)
	job.Mix.LatencyMillis = 200
	e, err := New(job, func(m wire.Message) error {
		if u, ok := m.(wire.Unit); ok && u.Kind() == media.KindVideo && u.PTS == 100*3000 {
			close(enough)
		}
		return r.take(m)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, m := range append([]wire.Message{row("a", "b")}, together(host, lazy)...) {
		if err := e.Handle(m); err != nil {
			t.Fatal(err)
		}
	}
	<-enough // which is later than what any input gave
	if err := e.End(); err != nil {
		t.Fatal(err)
	}
	r.steady(t, 30)
	decodeAll(t, r.track(t, media.KindVideo), 0, r.of(media.KindVideo, 0), func(f *astiav.Frame) {
		n, at := numbers(lumaOf(t, f), 320, 96, 2), f.Pts()/3000
		if n[0] != min(at, 89) || n[1] != min(at, 29) {
			t.Fatalf("%v at %d", n, at)
		}
	})
}
