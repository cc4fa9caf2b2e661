package bitstream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"weir/pipeline/media"
)

func hevcConfig(t testing.TB) []byte {
	t.Helper()
	p, err := FromSets(media.CodecH265, [][]byte{unhex(t, hevcPPS), unhex(t, hevcVPS), unhex(t, hevcSPS)}, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return p.Config
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name   string
		codec  media.Codec
		config []byte
		want   Params
	}{
		{
			"x264", media.CodecH264, unhex(t, avcConfig),
			Params{Width: 320, Height: 180, FPS: 30, Rate: 90000, name: "avc1.64000D"},
		},
		{
			"cropped", media.CodecH264, sequence{widthMBs: 120, heightMBs: 68, cropBottom: 4}.config(),
			Params{Width: 1920, Height: 1080, Rate: 90000, name: "avc1.42C028"},
		},
		{
			"interlaced", media.CodecH264, sequence{widthMBs: 120, heightMBs: 34, cropBottom: 2, interlaced: true}.config(),
			Params{Width: 1920, Height: 1080, Rate: 90000, name: "avc1.42C028"},
		},
		{
			"encoder's clock as frame rate", media.CodecH264,
			sequence{widthMBs: 80, heightMBs: 45, numUnits: 1, timeScale: 180000}.config(),
			Params{Width: 1280, Height: 720, Rate: 90000, name: "avc1.42C028"},
		},
		{
			"constant rate", media.CodecH264,
			sequence{widthMBs: 80, heightMBs: 45, numUnits: 1001, timeScale: 120000, fixedRate: true}.config(),
			Params{Width: 1280, Height: 720, FPS: 60000.0 / 1001, Rate: 90000, name: "avc1.42C028"},
		},
		{
			"largest", media.CodecH264, sequence{widthMBs: 256, heightMBs: 256}.config(),
			Params{Width: 4096, Height: 4096, Rate: 90000, name: "avc1.42C028"},
		},
		{
			"x265", media.CodecH265, hevcConfig(t),
			Params{Width: 320, Height: 180, FPS: 30, Rate: 90000, name: "hvc1.1.6.L60.90"},
		},
		{
			"libaom", media.CodecAV1, unhex(t, av1Config),
			Params{Width: 320, Height: 180, Rate: 90000, name: "av01.0.00M.08"},
		},
		{
			"AAC-LC", media.CodecAAC, unhex(t, aacConfig),
			Params{Channels: 2, Rate: 48000, FrameSamples: 1024, name: "mp4a.40.2"},
		},
		{
			"HE-AAC", media.CodecAAC, unhex(t, "2b920800"),
			Params{Channels: 2, Rate: 22050, FrameSamples: 1024, name: "mp4a.40.5"},
		},
		{
			"AAC 5.1 by elements", media.CodecAAC, aacWithElements(1, 1, 1),
			Params{Channels: 6, Rate: 48000, FrameSamples: 1024, name: "mp4a.40.2"},
		},
		{
			"AAC 960", media.CodecAAC, unhex(t, "1194"),
			Params{Channels: 2, Rate: 48000, FrameSamples: 960, name: "mp4a.40.2"},
		},
		{
			"Opus", media.CodecOpus, unhex(t, opusConfig),
			Params{Channels: 2, Rate: 48000, name: "opus"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Parse(c.codec, c.config, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			got := Params{
				Width: p.Width, Height: p.Height, FPS: p.FPS, Channels: p.Channels,
				Rate: p.Rate, FrameSamples: p.FrameSamples, name: p.name,
			}
			if got.Width != c.want.Width || got.Height != c.want.Height || got.FPS != c.want.FPS ||
				got.Channels != c.want.Channels || got.Rate != c.want.Rate ||
				got.FrameSamples != c.want.FrameSamples || got.name != c.want.name {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if !bytes.Equal(p.Config, c.config) {
				t.Errorf("config %x, was %x", p.Config, c.config)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	limit, other := &LimitError{}, &UnsupportedError{}
	for _, c := range []struct {
		name   string
		codec  media.Codec
		config []byte
		kind   any
		want   string
	}{
		{
			"16k", media.CodecH264, sequence{widthMBs: 1024, heightMBs: 1024}.config(), &limit,
			"the picture is 16384×16384; the limit is 4096×4096: lower the output resolution in the encoder",
		},
		{
			"16k cropped to nothing much", media.CodecH264,
			sequence{widthMBs: 1024, heightMBs: 1024, cropRight: 8000, cropBottom: 8000}.config(), &limit,
			"the picture is 16384×16384; the limit is 4096×4096: lower the output resolution in the encoder",
		},
		{
			"width that wraps at 2^32", media.CodecH264, sequence{widthMBs: 1<<28 + 20, heightMBs: 12}.config(), &limit,
			"the picture is 4294967616×192; the limit is 4096×4096: lower the output resolution in the encoder",
		},
		{
			"1000 frames a second", media.CodecH264,
			sequence{widthMBs: 80, heightMBs: 45, numUnits: 1, timeScale: 2000, fixedRate: true}.config(), &limit,
			"the video declares 1000 frames a second; the limit is 120: lower the frame rate in the encoder",
		},
		{
			"48 channels", media.CodecAAC, aacWithElements(8, 8, 8), &limit,
			"the audio has 48 channels; the limit is 8: choose stereo in the encoder",
		},
		{
			"192 kHz", media.CodecAAC, unhex(t, "17 81 77 00 10"), &limit,
			"the audio is sampled at 192000 Hz; the limit is 96000 Hz: choose 48 kHz in the encoder",
		},
		{
			"xHE-AAC", media.CodecAAC, unhex(t, "f94640"), &other,
			"the audio is of MPEG-4 object type 42: choose AAC-LC in the encoder",
		},
		{
			"VP8", media.CodecVP8, nil, &other,
			"the codec VP8 is not supported here: choose H.264 and AAC in the encoder",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.codec, c.config, Limits{})
			if err == nil || err.Error() != c.want || !errors.As(err, c.kind) {
				t.Errorf("got %T %v, want %s", err, err, c.want)
			}
		})
	}
}

func TestParseMalformed(t *testing.T) {
	avc, hvc := unhex(t, avcConfig), hevcConfig(t)
	lengths3 := bytes.Clone(avc)
	lengths3[4] = 0xFE
	for _, c := range []struct {
		name   string
		codec  media.Codec
		config []byte
	}{
		{"empty", media.CodecH264, nil},
		{"cut in the SPS", media.CodecH264, avc[:20]},
		{"without PPS", media.CodecH264, avc[:32]},
		{"lengths of 3 bytes", media.CodecH264, lengths3},
		{"no SPS", media.CodecH264, []byte{1, 66, 0, 30, 0xFF, 0xE0, 0}},
		{"cropped away", media.CodecH264, sequence{widthMBs: 2, heightMBs: 2, cropRight: 16}.config()},
		{"frame number of 17 bits", media.CodecH264, sequence{widthMBs: 2, heightMBs: 2, log2FrameNum: 13}.config()},
		{"frame number wraps to 0 bits", media.CodecH264, sequence{widthMBs: 2, heightMBs: 2, log2FrameNum: 1<<32 - 4}.config()},
		{"too long", media.CodecH264, make([]byte, MaxConfig+1)},
		{"hvcC cut", media.CodecH265, hvc[:60]},
		{"hvcC without arrays", media.CodecH265, append(bytes.Clone(hvc[:22]), 0)},
		{"av1C without sequence header", media.CodecAV1, unhex(t, "81000c00")},
		{"no OpusHead", media.CodecOpus, []byte("OpusTags 1234567890")},
		{"Opus mapping cut", media.CodecOpus, append(unhex(t, opusConfig)[:18], 1)},
		{"AAC cut", media.CodecAAC, []byte{0x11}},
		{"AAC reserved rate", media.CodecAAC, []byte{0x16, 0x90}},
		{"AAC reserved layout", media.CodecAAC, []byte{0x11, 0xC0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if p, err := Parse(c.codec, c.config, Limits{}); !errors.Is(err, ErrMalformed) {
				t.Errorf("got %+v, %v", p, err)
			}
		})
	}
}

// Sets that other writers repeat, pad or give 2 byte lengths come out the same.
func TestParseCanonical(t *testing.T) {
	want := unhex(t, avcConfig)
	sps, pps := want[8:32], want[35:41]
	b := []byte{1, 0x64, 0, 0x0D, 0xFD, 0xE3, 0, 0}
	for range 2 {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(sps))), sps...)
	}
	b = append(b, 1, 0, byte(len(pps)))
	p, err := Parse(media.CodecH264, append(b, pps...), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(p.Config, want) || p.lengthSize != 2 {
		t.Errorf("got %x with lengths of %d", p.Config, p.lengthSize)
	}
	if got := p.ParameterSets(); !slices.EqualFunc(got, [][]byte{sps, pps}, bytes.Equal) {
		t.Errorf("sets %x", got)
	}
}

func TestTrack(t *testing.T) {
	p, err := Parse(media.CodecH264, unhex(t, avcConfig), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	track := p.Track("video")
	if track.Form != media.FormAccess || len(track.Layers) != 1 || track.Layers[0].Width != 320 {
		t.Errorf("track %+v", track)
	}
	if s, err := CodecString(track, 0); s != "avc1.64000D" || err != nil {
		t.Errorf("codec string %q, %v", s, err)
	}
	p, err = Parse(media.CodecOpus, OpusHead(2, 312), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if track := p.Track("audio"); track.Layers != nil || track.Channels != 2 || track.Rate != media.OpusRate {
		t.Errorf("track %+v", track)
	}
}

// Limits are the operator's: a configured 8K passes.
func TestLimitsAreConfigurable(t *testing.T) {
	config := sequence{widthMBs: 480, heightMBs: 270}.config()
	p, err := Parse(media.CodecH264, config, Limits{MaxWidth: 7680, MaxHeight: 4320})
	if err != nil || p.Width != 7680 || p.Height != 4320 {
		t.Errorf("got %+v, %v", p, err)
	}
	if s, err := CodecString(p.Track("video"), 0); err != nil {
		t.Errorf("codec string %q, %v", s, err)
	}
}
