package lint

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/pmp4"

	"weir/pipeline/media"
	"weir/pipeline/platform"
	"weir/test/machine"
	"weir/test/mp4"
)

// The parts of a clip that pleases all platforms: 11 s of noise, 15 pictures a second,
// 600 kbit/s, a key frame every 2 s. `make` of a clip is these, with some replaced.
const (
	pictures = "testsrc2=size=128x72:rate=15:duration=11,noise=alls=30:allf=t"
	sound    = "-f lavfi -i sine=sample_rate=48000:duration=11"
	coding   = "-c:v libx264 -preset ultrafast -coder 1 -pix_fmt yuv420p"
	rate     = "-b:v 600k -maxrate 600k -bufsize 600k"
	keys     = "-force_key_frames expr:gte(t,n_forced*2) -g 300 -sc_threshold 0"
	bframes  = "-bf 0"
	aac      = "-ac 2 -c:a aac -b:a 96k"
)

// clip is what a test has ffmpeg make. What is empty is as in the clean clip.
type clip struct {
	name, preset                                string // of the platform that it is for
	pictures, sound, coding, rate, keys, b, aac string
	also                                        string // more words
	says                                        string // what the finding's sentence holds
}

func clips() []clip {
	return []clip{
		{name: "keyframe_interval_high", preset: "youtube", keys: "-g 300 -sc_threshold 0", says: "YouTube wants a key frame at least every 4 s, and they come up to 10."},
		{name: "keyframe_interval_unstable", preset: "youtube", keys: "-force_key_frames 0,2,3,6,8,10 -g 300 -sc_threshold 0", says: "Key frames come from 1.0 to 3.0 s apart"},
		{name: "b_frames_present", preset: "nob", b: "-bf 2 -b_strategy 0", says: "B-frames"},
		{name: "open_gop", preset: "youtube", b: "-bf 2 -b_strategy 0", keys: "-g 60 -keyint_min 60 -sc_threshold 0 -x264-params open-gop=1", says: "(open GOP)"},
		{name: "bitrate_over_max", preset: "facebook", rate: "-b:v 1500k -maxrate 1500k -bufsize 1500k", says: "Facebook takes at most 1 Mbit/s for 128x72 with 15 frames a second"},
		{name: "bitrate_under_min", preset: "twitch", rate: "-b:v 150k -maxrate 150k -bufsize 150k", says: "Twitch wants at least 0.3 Mbit/s"},
		{name: "bitrate_not_cbr", preset: "twitch", pictures: "testsrc2=size=128x72:rate=15:duration=11,noise=alls=60:allf=t:enable=gt(t\\,7)", rate: "-crf 26", says: "Twitch wants a constant one"},
		{name: "fps_unstable", preset: "twitch", pictures: pictures + ",select=not(between(t\\,4.1\\,4.7))", also: "-vsync vfr", says: "to 15 frames in a second"},
		{name: "resolution_unsupported", preset: "twitch", pictures: "color=size=2560x1440:rate=2:duration=11", rate: "-b:v 600k", says: "The picture is 2560x1440 with 2 frames a second, and Twitch takes at most 1080 lines."},
		{name: "codec_unsupported", preset: "twitch", coding: "-c:v libx265 -preset ultrafast -tag:v hvc1 -pix_fmt yuv420p -x265-params log-level=error:open-gop=0:bframes=0", says: "The picture is H.265; Twitch takes H.264."},
		{name: "profile_level", preset: "twitch", also: "-profile:v baseline", says: "The picture has the profile Baseline; Twitch takes Main and High."},
		{name: "interlaced", preset: "twitch", also: "-flags +ildct+ilme", says: "interlaced"},
		{name: "audio_missing", preset: "facebook", sound: "-an", aac: "-an", says: "Facebook wants sound, and none comes"},
		{name: "audio_codec", preset: "twitch", aac: "-ac 2 -c:a libopus -b:a 96k -strict -2", says: "The sound is Opus; Twitch takes AAC."},
		{name: "audio_rate", preset: "twitch", aac: aac + " -ar 32000", says: "The sound has 32 kHz; Twitch takes 44.1 kHz and 48 kHz."},
		{name: "timestamp_jumps", preset: "twitch", pictures: pictures + ",setpts=PTS+gt(T\\,6.5)*3/TB", also: "-vsync vfr", says: "Timestamps have jumped 1 times"},
		{name: "aspect_ratio", preset: "twitch", pictures: pictures + ",setsar=4/3", says: "Pixels are 1.33 times as wide as high"},
		{name: "color_hdr", preset: "twitch", also: "-color_trc smpte2084 -color_primaries bt2020 -colorspace bt2020nc", says: "The picture is HDR"},
		{name: "", preset: "youtube"},
		{name: "", preset: "twitch"},
		{name: "", preset: "facebook"},
		{name: "", preset: "custom"},
	}
}

// Each clip breaks one rule of one platform and no other; the last ones none.
func TestClips(t *testing.T) {
	machine.Long(t)
	t.Parallel()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("no ffmpeg on this machine (scripts/setup.sh test)")
	}
	clean := encode(t, &clip{})
	for _, c := range clips() {
		t.Run(cmp.Or(c.name, "clean for "+c.preset), func(t *testing.T) {
			t.Parallel()
			file := clean
			if c.name != "" {
				file = encode(t, &c)
			}
			f := measure(t, file)
			got := Check(f, preset(t, c.preset))
			if c.name == "" {
				if len(got) > 0 {
					t.Errorf("%+v; %+v", got, f.Video)
				}
				return
			}
			if len(got) != 1 || got[0].Rule != c.name || !strings.Contains(got[0].Message, c.says) || got[0].Fix == "" {
				t.Errorf("%+v; %+v %+v", got, f.Video, f.Audio)
			}
		})
	}
}

// preset is a built-in one, or one that takes no B-frames.
func preset(t *testing.T, name string) *platform.Preset {
	t.Helper()
	file := ""
	if name == "nob" {
		file = filepath.Join(t.TempDir(), "presets.json")
		text := `[{"name": "nob", "title": "The browser", "codecs": ["H.264", "AAC"], "must": ["no_b_frames"]}]`
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := platform.Named(name, file)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// encode makes a clip.
func encode(t *testing.T, c *clip) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clip.mp4")
	words := []string{"-v", "error", "-nostdin", "-f", "lavfi", "-i", cmp.Or(c.pictures, pictures)}
	for _, part := range []string{
		cmp.Or(c.sound, sound), cmp.Or(c.coding, coding), cmp.Or(c.rate, rate), cmp.Or(c.keys, keys), cmp.Or(c.b, bframes), cmp.Or(c.aac, aac), c.also,
	} {
		words = append(words, strings.Fields(part)...)
	}
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(words, "-threads", "1", file)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

// measure plays a clip to a meter.
func measure(t *testing.T, file string) *Facts {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var movie pmp4.Presentation
	if err := movie.Unmarshal(bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	var units []*media.Unit
	var video, audio *media.Track
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, track := range movie.Tracks {
		p := mp4.Params(t, track.Codec)
		kind := p.Track(media.TrackID(p.Codec.Kind().String()))
		if kind.Kind() == media.KindVideo {
			video = kind
		} else {
			audio = kind
		}
		scale, at := media.Rate(track.TimeScale), media.Ticks(track.TimeOffset)
		for _, s := range track.Samples {
			payload, err := s.GetPayload()
			if err != nil {
				t.Fatal(err)
			}
			au, err := p.Split(payload)
			if err != nil {
				t.Fatal(err)
			}
			units = append(units, &media.Unit{
				Track: kind, Flags: au.Flags, Access: au.Access, Arrived: began.Add(scale.Duration(at)),
				DTS: media.Rescale(at, scale, kind.Rate), PTS: media.Rescale(at+media.Ticks(s.PTSOffset), scale, kind.Rate),
			})
			at += media.Ticks(s.Duration)
		}
	}
	slices.SortStableFunc(units, func(a, b *media.Unit) int { return a.Arrived.Compare(b.Arrived) })
	var m Meter
	m.Tracks(video, 0, audio)
	for _, u := range units {
		m.Unit(u)
	}
	return m.Facts()
}
