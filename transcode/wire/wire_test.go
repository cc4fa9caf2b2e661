package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"weir/pipeline/media"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files")

func set() *media.TrackSet {
	return &media.TrackSet{Version: 3, Tracks: []*media.Track{
		{
			ID: "video", Codec: media.CodecH264, Form: media.FormAccess, Rate: media.VideoRate, Group: "guest",
			Layers: []media.Layer{
				{Name: "hd", Width: 1280, Height: 720, FPS: 30, Bitrate: 2_500_000},
				{Name: "sd", Width: 640, Height: 360, FPS: 29.97, Config: []byte{1, 2}},
			},
			Config: []byte{1, 100, 0, 31},
		},
		{
			ID: "audio", Codec: media.CodecOpus, Form: media.FormAccess, Rate: media.OpusRate, Language: "de", Channels: 2,
			Config: []byte("OpusHead"),
		},
	}}
}

// conversation is one message of each type, and units of all shapes.
func conversation() []Message {
	s, paused := set(), true
	return []Message{
		Hello{Version},
		Job{
			Version: Version, Stage: "live/studio/ladder", Threads: 2,
			Audio: &Audio{Codec: Codec(media.CodecOpus), Bitrate: 96_000, Channels: 2},
			Video: &Video{
				Codec: Codec(media.CodecH264), HW: "auto", Preset: "veryfast", KeyframeEveryMillis: 2000,
				Layers: []Layer{{Name: "hd", Height: 720, FPS: 30, Bitrate: 2_500_000}, {Name: "sd", Width: 640, Height: 360}},
			},
		},
		Tracks{s},
		Unit{&media.Unit{
			Track: s.Tracks[0], Layer: 1, PTS: 9000, DTS: 6000, Flags: media.Key | media.FrameEnd,
			Capture: time.Unix(1_700_000_000, 5), Arrived: time.Unix(1_700_000_000, 7_000_000),
			Access: [][]byte{{6, 1}, {0x65, 1, 2, 3}},
		}},
		Unit{&media.Unit{Track: s.Tracks[1], PTS: -960, DTS: -960, Flags: media.Gap, Access: [][]byte{{0xfc}}}},
		Keyframe{Track: 1, Layer: 2},
		Control{Track: "video", Layer: 1, Bitrate: 600_000, FPS: 15, Paused: &paused},
		Log{Level: slog.LevelWarn, Message: "late", Attrs: map[string]string{"class": "libx264"}},
		Stats{CPUMillis: 1200, RSS: 80 << 20, FramesIn: 30, FramesOut: 90, Dropped: 1},
		End{},
		End{Error: "there is no encoder for VP9"},
		Job{
			Version: Version, Stage: "live/studio/mix",
			Mix:   &Mix{Width: 1280, Height: 720, FPS: 30, LatencyMillis: 300, Background: "#102030", Normalize: true},
			Audio: &Audio{Codec: Codec(media.CodecOpus)},
		},
		Scene{
			Boxes: []Box{
				{Track: "a/video", Width: 0.5, Height: 1, Opacity: 1, Border: 0.01, BorderColor: "#ffffff"},
				{Track: "b/video", X: 0.5, Width: 0.5, Height: 1, Z: 2, Crop: true, Opacity: 0.5},
			},
			Sprites:    []Place{{Sprite: 7, X: 0.1, Y: 0.8, Width: 0.25, Z: 3, Opacity: 1}},
			Sounds:     []Sound{{Track: "a/audio", Gain: 0.5}, {Track: "b/audio", Mute: true}},
			FadeMillis: 300,
		},
		Sprite{ID: 7, Width: 2, Height: 1, Pixels: []byte{255, 0, 0, 255, 0, 0, 255, 128}},
		Sprite{ID: 7},
		Levels{Of: map[media.TrackID]float64{"a/audio": -20.5, "b/audio": Silent}, Clipped: map[media.TrackID]float64{"a/audio": 0.25}},
	}
}

func encode(t testing.TB, ms []Message) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, m := range ms {
		if err := w.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decode(t testing.TB, from io.Reader) []Message {
	t.Helper()
	var ms []Message
	for r := NewReader(from); ; {
		m, err := r.Read()
		if errors.Is(err, io.EOF) {
			return ms
		}
		if err != nil {
			t.Fatal(err)
		}
		ms = append(ms, m)
	}
}

// What is written is read, one byte at a time too.
func TestRoundTrip(t *testing.T) {
	want := conversation()
	b := encode(t, want)
	for name, r := range map[string]io.Reader{"at once": bytes.NewReader(b), "by bytes": oneByte{bytes.NewReader(b)}} {
		got := decode(t, r)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v\nwant %+v", name, got, want)
		}
	}
}

type oneByte struct{ r io.Reader }

func (o oneByte) Read(b []byte) (int, error) { return o.r.Read(b[:min(1, len(b))]) }

// The bytes on the wire stay what they are until the version changes.
func TestGolden(t *testing.T) {
	var text strings.Builder
	b := encode(t, conversation())
	for len(b) > 0 {
		n := 4 + int(b[0])<<24 + int(b[1])<<16 + int(b[2])<<8 + int(b[3])
		text.WriteString(hex.Dump(b[:n]) + "\n")
		b = b[n:]
	}
	const file = "testdata/conversation.txt"
	if *rewrite {
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		t.Errorf("the protocol has changed; raise Version and run with -rewrite:\n%s", text.String())
	}
}

// Over a socket, all that is pending leaves at once; large units are not copied.
func TestSocket(t *testing.T) {
	s := set()
	large := make([]byte, 3<<20)
	large[1<<20] = 7
	want := []Message{Hello{Version}, Tracks{s}}
	for i := range 40 {
		want = append(want, Unit{&media.Unit{Track: s.Tracks[0], PTS: media.Ticks(i), DTS: media.Ticks(i), Access: [][]byte{{1}, large}}})
	}
	here, there := net.Pipe()
	defer there.Close()
	go func() {
		defer here.Close()
		w := NewWriter(here)
		for _, m := range want {
			if err := w.Write(m); err != nil {
				t.Error(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Error(err)
		}
	}()
	if got := decode(t, there); !reflect.DeepEqual(got, want) {
		t.Errorf("%d messages are not the %d that were written", len(got), len(want))
	}
}

// A unit that is too large is refused, and the next one goes on.
func TestTooLarge(t *testing.T) {
	s := set()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, m := range []Message{Hello{Version}, Tracks{s}} {
		if err := w.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	huge := &media.Unit{Track: s.Tracks[0], Access: [][]byte{make([]byte, MaxFrame)}}
	if err := w.Write(Unit{huge}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v", err)
	}
	many := &media.Unit{Track: s.Tracks[0], Access: make([][]byte, math.MaxUint16+1)}
	if err := w.Write(Unit{many}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v", err)
	}
	if err := w.Write(Unit{&media.Unit{Track: set().Tracks[0], Access: [][]byte{{1}}}}); err == nil {
		t.Error("a unit of a track that was not announced is written")
	}
	small := &media.Unit{Track: s.Tracks[0], Access: [][]byte{{1}}}
	if err := w.Write(Unit{small}); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := decode(t, &b); len(got) != 3 || !reflect.DeepEqual(got[2], Unit{small}) {
		t.Errorf("%+v", got)
	}
}

// frame makes a frame whose length need not be true.
func frame(n uint32, t Type, body ...byte) []byte {
	return append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n), byte(t)}, body...)
}

// What is not of this protocol is refused, in words, before anything is allocated for
// it.
func TestRefused(t *testing.T) {
	hello := encode(t, []Message{Hello{Version}})
	tracks := encode(t, []Message{Hello{Version}, Tracks{set()}})
	unit := func(change func(b []byte) []byte) []byte {
		s := set()
		all := encode(t, []Message{Hello{Version}, Tracks{s}, Unit{&media.Unit{Track: s.Tracks[0], Access: [][]byte{{1, 2}}}}})
		return append(all[:len(tracks):len(tracks)], change(all[len(tracks):])...)
	}
	for name, c := range map[string]struct {
		bytes []byte
		want  string
	}{
		"garbage":       {[]byte("GET / HTTP/1.1\r\n"), "no message of type"},
		"no greeting":   {frame(3, TypeEnd, '{', '}'), "before any greeting"},
		"other magic":   {frame(7, TypeHello, 'w', 'e', 'i', 'd', 0, 1), "does not speak"},
		"other version": {frame(7, TypeHello, 'w', 'e', 'i', 'r', 0, 9), "speaks version 9"},
		"empty":         {append(hello[:len(hello):len(hello)], 0, 0, 0, 0, byte(TypeEnd)), "has 0 bytes"},
		"huge unit":     {append(hello[:len(hello):len(hello)], frame(MaxFrame+1, TypeUnit)...), "it may have 16777216"},
		"huge text":     {append(hello[:len(hello):len(hello)], frame(maxText+1, TypeLog)...), "it may have 1048576"},
		"cut off":       {append(hello[:len(hello):len(hello)], frame(100, TypeLog, '{')...), "unexpected EOF"},
		"no tracks":     {append(hello[:len(hello):len(hello)], frame(1+unitSize, TypeUnit, make([]byte, unitSize)...)...), "of track 0"},
		"no such track": {unit(func(b []byte) []byte { b[6] = 9; return b }), "of track 9"},
		"no such layer": {unit(func(b []byte) []byte { b[7] = 2; return b }), "of layer 2"},
		"layer below 0": {unit(func(b []byte) []byte { b[7] = 255; return b }), "of layer -1"},
		"shown early":   {unit(func(b []byte) []byte { b[9] = 128; return b }), "shown before it is decoded"},
		"no pieces":     {unit(func(b []byte) []byte { b[42] = 0; return b }), "cut off"},
		"more pieces":   {unit(func(b []byte) []byte { b[41] = 255; return b }), "cut off"},
		"a long piece":  {unit(func(b []byte) []byte { b[43] = 255; return b }), "cut off"},
		"left over":     {unit(func(b []byte) []byte { b[3]++; return append(b, 0) }), "left over"},
		"bad job":       {append(hello[:len(hello):len(hello)], frame(3, TypeJob, '{', '}')...), "of version 0"},
		"no sprite":     {append(hello[:len(hello):len(hello)], frame(4, TypeSprite, 0, 1, 0)...), "cut off"},
		"half a sprite": {append(hello[:len(hello):len(hello)], frame(8, TypeSprite, 0, 1, 0, 1, 0, 1, 0)...), "of 1x1 pixels has 1 bytes"},
		"a flat sprite": {append(hello[:len(hello):len(hello)], frame(7, TypeSprite, 0, 1, 0, 1, 0, 0)...), "of 1x0 pixels"},
		"a huge sprite": {append(hello[:len(hello):len(hello)], frame(7, TypeSprite, 0, 1, 16, 1, 0, 1)...), "of 4097x1 pixels"},
		"bad scene":     {append(hello[:len(hello):len(hello)], frame(25, TypeScene, []byte(`{"boxes":[{"track":""}]}`)...)...), "cannot be so"},
		"bad tracks":    {append(hello[:len(hello):len(hello)], frame(17, TypeTracks, []byte(`{"tracks":[{}]}`+" ")...)...), "no name"},
	} {
		r := NewReader(bytes.NewReader(c.bytes))
		var err error
		for err == nil {
			_, err = r.Read()
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestJobs(t *testing.T) {
	for name, change := range map[string]func(*Job){
		"version":     func(j *Job) { j.Version++ },
		"threads":     func(j *Job) { j.Threads = -1 },
		"audio codec": func(j *Job) { j.Audio.Codec = Codec(media.CodecH264) },
		"channels":    func(j *Job) { j.Audio.Channels = 6 },
		"video codec": func(j *Job) { j.Video.Codec = Codec(media.CodecAAC) },
		"no layers":   func(j *Job) { j.Video.Layers = nil },
		"keep size":   func(j *Job) { j.Video.KeepSize = true },
		"key frames":  func(j *Job) { j.Video.KeyframeEveryMillis = -1 },
		"odd":         func(j *Job) { j.Video.Layers[0].Height = 361 },
		"large":       func(j *Job) { j.Video.Layers[0].Width = 20_000 },
		"frame rate":  func(j *Job) { j.Video.Layers[0].FPS = math.NaN() },
		"test card":   func(j *Job) { j.Test = &Test{Width: 3, Height: 2, FPS: 30} },
		"test rate":   func(j *Job) { j.Test = &Test{Width: 4, Height: 2} },
		"odd canvas":  func(j *Job) { j.Mix = &Mix{Width: 3, Height: 2, FPS: 30} },
		"canvas rate": func(j *Job) { j.Mix = &Mix{Width: 4, Height: 2, FPS: math.Inf(1)} },
		"latency":     func(j *Job) { j.Mix = &Mix{Width: 4, Height: 2, FPS: 30, LatencyMillis: 20_000} },
		"background":  func(j *Job) { j.Mix = &Mix{Width: 4, Height: 2, FPS: 30, Background: "blue"} },
		"mixed card": func(j *Job) {
			j.Mix, j.Test = &Mix{Width: 4, Height: 2, FPS: 30}, &Test{Width: 4, Height: 2, FPS: 30}
		},
		"less than no": func(j *Job) { j.Video.Layers[0].Bitrate = -1 },
	} {
		j, _ := conversation()[1].(Job)
		change(&j)
		if err := NewWriter(io.Discard).Write(j); err == nil {
			t.Errorf("%s: %+v is written", name, j)
		}
	}
}

func TestScenes(t *testing.T) {
	many := make([]Box, maxTracks+1)
	for i := range many {
		many[i] = Box{Track: "a"}
	}
	for name, s := range map[string]Scene{
		"no track":  {Boxes: []Box{{}}},
		"outside":   {Boxes: []Box{{Track: "a", X: -0.1}}},
		"too large": {Boxes: []Box{{Track: "a", Width: 1.5}}},
		"no number": {Boxes: []Box{{Track: "a", Opacity: math.NaN()}}},
		"colour":    {Boxes: []Box{{Track: "a", BorderColor: "#12345g"}}},
		"boxes":     {Boxes: many},
		"sprite":    {Sprites: []Place{{Sprite: 1, Width: 2}}},
		"gain":      {Sounds: []Sound{{Track: "a", Gain: 9}}},
		"fade":      {FadeMillis: 1 << 20},
	} {
		if err := NewWriter(io.Discard).Write(s); err == nil {
			t.Errorf("%s: %+v is written", name, s)
		}
	}
	large := Sprite{ID: 1, Width: 4096, Height: 2048, Pixels: make([]byte, 4*4096*2048)}
	if err := NewWriter(io.Discard).Write(large); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a sprite of 32 MiB: %v", err)
	}
}

func BenchmarkUnit(b *testing.B) {
	s := set()
	u := Unit{&media.Unit{Track: s.Tracks[0], Access: [][]byte{make([]byte, 20_000)}}}
	w := NewWriter(io.Discard)
	if err := w.Write(Tracks{s}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(u); err != nil {
			b.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
	}
}
