//go:build libav && cgo

package av

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// flip is a copy of a clip in which one bit in n is wrong, from its second key unit on.
func (c clip) flip(n int, seed uint64) clip {
	out := clip{set: c.set}
	random := rand.New(rand.NewPCG(seed, 1))
	for _, u := range c.units {
		v := *u
		if u.Time() > 1_500_000_000 {
			v.Access = make([][]byte, len(u.Access))
			for i, b := range u.Access {
				v.Access[i] = bytes.Clone(b)
				for bit := range 8 * len(b) {
					if random.IntN(n) == 0 {
						v.Access[i][bit/8] ^= 1 << (bit % 8)
					}
				}
			}
		}
		out.units = append(out.units, &v)
	}
	return out
}

// Damage in the source costs no picture of the output, which stays what it is: the
// last good one stands until the next key unit.
func TestDamagedPictures(t *testing.T) {
	for _, name := range []string{"h264-bframes-aac.mp4", "h265-aac.mp4", "av1-opus.mp4"} {
		for _, n := range []int{100_000, 20_000, 1_000} {
			c := readClip(t, name).kind(media.KindVideo)
			r := run(t, wire.Job{Video: keepSize(media.CodecH264)}, c.flip(n, uint64(n)).messages()...)
			units := r.of(media.KindVideo, 0)
			if len(r.sets) != 1 {
				t.Errorf("%s, 1 bit in %d: %d sets of tracks", name, n, len(r.sets))
			}
			decoded := 0
			decodeAll(t, r.track(t, media.KindVideo), 0, units, func(*astiav.Frame) { decoded++ })
			t.Logf("%s, 1 bit in %d: %d pictures, %d wishes", name, n, decoded, len(r.keyframes))
			if decoded < 150 || decoded != len(units) || len(r.logs) == 0 && n < 100_000 {
				t.Errorf("%s, 1 bit in %d: %d of %d pictures can be decoded; %d logs", name, n, decoded, len(units), len(r.logs))
			}
		}
	}
}

// After a gap nothing is shown that refers to what was lost, and a key unit is wished
// for.
func TestGapInPictures(t *testing.T) {
	c := readClip(t, "h264-aac.mp4").kind(media.KindVideo)
	after := *c.units[45]
	after.Flags |= media.Gap
	c.units = slices.Concat(c.units[:40], []*media.Unit{&after}, c.units[46:])
	r := run(t, wire.Job{Video: keepSize(media.CodecH264)}, c.messages()...)
	units := r.of(media.KindVideo, 0)
	if len(units) != len(c.units) || len(r.keyframes) != 1 {
		t.Errorf("%d pictures of %d, %d wishes", len(units), len(c.units), len(r.keyframes))
	}
	var before []byte
	still := 0
	decodeAll(t, r.track(t, media.KindVideo), 0, units, func(f *astiav.Frame) {
		luma := lumaOf(t, f)
		if at := media.Ticks(f.Pts()); before != nil && at >= after.PTS && at < 2*90_000 && difference(before, luma) < 1 {
			still++
		}
		before = luma
	})
	if want := 15; still != want { // up to the key unit at 2 s
		t.Errorf("%d pictures are repetitions, want %d", still, want)
	}
}

func lumaOf(t testing.TB, f *astiav.Frame) []byte {
	t.Helper()
	b, err := f.Data().Bytes(1)
	if err != nil {
		t.Fatal(err)
	}
	return b[:f.Width()*f.Height()]
}

// difference is how far apart two pictures are, on average, in steps of 256.
func difference(a, b []byte) float64 {
	sum := 0
	for i := range a {
		sum += max(int(a[i])-int(b[i]), int(b[i])-int(a[i]))
	}
	return float64(sum) / float64(len(a))
}

// Damage can look like parameter sets, which would spoil all pictures to come, since what
// a worker is given has none in band.
func TestParameterSetsInPictures(t *testing.T) {
	for name, sets := range map[string][][]byte{
		"h264-aac.mp4": {{0x68, 0xCE, 0x3C, 0x80}, {0x67, 66, 0xC0, 30, 0xDA, 0x02, 0x80, 0xF4}},
		"h265-aac.mp4": {{0x44, 1, 0xC1, 0x72, 0xB4, 0x62, 0x40}},
	} {
		c := readClip(t, name).kind(media.KindVideo)
		spoilt := *c.units[40]
		spoilt.Access = slices.Concat(sets, spoilt.Access)
		c.units[40] = &spoilt
		r := run(t, wire.Job{Video: keepSize(media.CodecH264)}, c.messages()...)
		made := &census{track: r.track(t, media.KindVideo), kept: r.of(media.KindVideo, 0)}
		if n := made.still(t); n > 0 || len(made.kept) != len(c.units) {
			t.Errorf("%s: %d pictures of %d, of which %d are repetitions", name, len(made.kept), len(c.units), n)
		}
	}
}

// A worker that joins in the middle of a group wishes a key unit and waits for it.
func TestJoinInTheMiddle(t *testing.T) {
	c := readClip(t, "h264-bframes-aac.mp4").kind(media.KindVideo)
	key := slices.IndexFunc(c.units[1:], func(u *media.Unit) bool { return u.Flags.Has(media.Key) }) + 1
	first := c.units[key].PTS
	c.units = c.units[10:]
	r := run(t, wire.Job{Video: keepSize(media.CodecH264)}, c.messages()...)
	if at := r.of(media.KindVideo, 0)[0].PTS; at != first || len(r.keyframes) != 1 {
		t.Errorf("begins at %d, want %d; %d wishes", at, first, len(r.keyframes))
	}
}

// Damaged sound is left out, and the rest stays in its place.
func TestDamagedSound(t *testing.T) {
	c := readClip(t, "h264-aac.mp4").kind(media.KindAudio)
	r := run(t, wire.Job{Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus)}}, c.flip(1000, 7).messages()...)
	for i, u := range r.units[1:] {
		if u.PTS-r.units[i].PTS != 960 {
			t.Errorf("%d ticks at %v", u.PTS-r.units[i].PTS, u.Time())
		}
	}
	if n := len(r.units); n < 295 || n > 305 {
		t.Errorf("%d units", n)
	}
	n := 0
	decodeAll(t, r.track(t, media.KindAudio), 0, r.units, func(f *astiav.Frame) { n += f.NbSamples() })
	if n < 290*960 {
		t.Errorf("%d samples", n)
	}
}

// A configuration that no decoder understands costs its track, and nothing else.
func TestBadConfiguration(t *testing.T) {
	c := readClip(t, "h264-aac.mp4")
	bad := *c.set.Tracks[0]
	bad.Config = []byte{1, 2, 3}
	for _, u := range c.units {
		if u.Track == c.set.Tracks[0] {
			u.Track = &bad
		}
	}
	c.set.Tracks[0] = &bad
	r := run(t, wire.Job{Video: keepSize(media.CodecH264), Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus)}}, c.messages()...)
	if n := len(r.of(media.KindAudio, 0)); n < 295 {
		t.Errorf("%d units of sound", n)
	}
}
