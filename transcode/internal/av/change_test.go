//go:build libav && cgo

package av

import (
	"slices"
	"testing"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
	"weir/transcode/wire"
)

// append puts another clip behind this one, as a change of the same tracks.
func (c clip) messagesThen(after clip, seconds media.Ticks) []wire.Message {
	ms := c.messages()
	set := &media.TrackSet{Version: 2, Tracks: after.set.Tracks}
	ms = append(ms, wire.Tracks{TrackSet: set})
	for _, u := range after.units {
		v := *u
		v.PTS += seconds * media.Ticks(u.Track.Rate)
		v.DTS += seconds * media.Ticks(u.Track.Rate)
		ms = append(ms, wire.Unit{Unit: &v})
	}
	return ms
}

// scaled is a clip in another size and codec.
func (c clip) scaled(t testing.TB, codec media.Codec, height int) clip {
	t.Helper()
	v := ladderOf(1000, wire.Layer{Height: height, Bitrate: 200_000})
	v.Codec = wire.Codec(codec)
	r := run(t, wire.Job{Video: v}, c.messages()...)
	return clip{set: r.sets[len(r.sets)-1], units: r.of(media.KindVideo, 0)}
}

// What is made stays what it is when the source changes: the size, the configuration,
// the rhythm.
func TestSourceChanges(t *testing.T) {
	first := readClip(t, "h264-bframes-aac.mp4").kind(media.KindVideo)
	for _, c := range []struct {
		name  string
		after clip
	}{
		{"codec", readClip(t, "av1-opus.mp4").kind(media.KindVideo)},
		{"size", readClip(t, "h264-aac.mp4").kind(media.KindVideo).scaled(t, media.CodecH264, 90)},
		{"to VP8", first.scaled(t, media.CodecVP8, 120)},
		{"to VP9", first.scaled(t, media.CodecVP9, 120)},
		{"to AV1", first.scaled(t, media.CodecAV1, 120)},
	} {
		t.Run(c.name, func(t *testing.T) {
			job := wire.Job{Video: ladderOf(2000, wire.Layer{Name: "a"}, wire.Layer{Name: "b", Height: 90})}
			r := run(t, job, first.messagesThen(c.after, 7)...)
			if len(r.sets) != 1 {
				t.Errorf("%d sets of tracks", len(r.sets))
			}
			track := r.track(t, media.KindVideo)
			for i := range int8(2) {
				units := r.of(media.KindVideo, i)
				if len(units) != len(first.units)+len(c.after.units) {
					t.Errorf("%d pictures, want %d", len(units), len(first.units)+len(c.after.units))
				}
				n := 0
				decodeAll(t, track, i, units, func(f *astiav.Frame) {
					n++
					if f.Height() != track.Layers[i].Height {
						t.Fatalf("a picture of height %d", f.Height())
					}
				})
				if n != len(units) {
					t.Errorf("%d of %d can be decoded", n, len(units))
				}
			}
		})
	}
}

// A job that keeps the source's size follows it, with a new configuration and a key
// unit.
func TestKeepSize(t *testing.T) {
	first := readClip(t, "h264-aac.mp4").kind(media.KindVideo)
	r := run(t, wire.Job{Video: keepSize(media.CodecH264)}, first.messagesThen(first.scaled(t, media.CodecH264, 90), 6)...)
	if len(r.sets) != 2 || r.sets[0].Tracks[0].Layers[0].Height != 180 || r.sets[1].Tracks[0].Layers[0].Height != 90 {
		t.Fatalf("%+v", r.sets)
	}
	for i, set := range r.sets {
		units := slices.DeleteFunc(slices.Clone(r.units), func(u *media.Unit) bool { return u.Track != set.Tracks[0] })
		n := 0
		decodeAll(t, set.Tracks[0], 0, units, func(*astiav.Frame) { n++ })
		if n != 180 || !units[0].Flags.Has(media.Key) {
			t.Errorf("set %d: %d of %d pictures can be decoded", i, n, len(units))
		}
	}
}

// A worker that takes over decodes the beginning of a group and shows none of it.
func TestPreroll(t *testing.T) {
	c := readClip(t, "h264-bframes-aac.mp4")
	for _, u := range c.units {
		if u.Time() < 1_500_000_000 {
			u.Flags |= wire.Preroll
		}
	}
	r := run(t, wire.Job{Video: keepSize(media.CodecH264), Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus)}}, c.messages()...)
	for _, u := range []*media.Unit{r.of(media.KindVideo, 0)[0], r.of(media.KindAudio, 0)[0]} {
		if at := u.Track.Rate.Duration(u.PTS); at < 1_400_000_000 || at > 1_700_000_000 || !u.Flags.Has(media.Key) {
			t.Errorf("%s begins at %v", u.Track.ID, at)
		}
	}
}

// Tracks that come and go are announced and withdrawn.
func TestTracksComeAndGo(t *testing.T) {
	both := readClip(t, "h264-aac.mp4")
	video := both.kind(media.KindVideo)
	ms := slices.Concat(both.messages(), []wire.Message{wire.Tracks{TrackSet: video.set}})
	r := run(t, wire.Job{Video: keepSize(media.CodecH264), Audio: &wire.Audio{Codec: wire.Codec(media.CodecOpus)}}, ms...)
	if last := r.sets[len(r.sets)-1]; len(r.sets) != 3 || len(last.Tracks) != 1 || last.Tracks[0].ID != "video" {
		t.Errorf("%d sets, the last with %d tracks", len(r.sets), len(last.Tracks))
	}
	if n := len(r.of(media.KindAudio, 0)); n < 299 || n > 303 {
		t.Errorf("%d units of sound", n)
	}
}
