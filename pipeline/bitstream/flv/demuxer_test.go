package flv

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// feed demuxes tags and writes down what comes out, one line each.
func feed(d *Demuxer, tags ...Tag) string {
	var b strings.Builder
	for _, t := range tags {
		r, err := d.Demux(t)
		var other *Unsupported
		var limit *bitstream.LimitError
		switch {
		case errors.As(err, &other):
			fmt.Fprintf(&b, "unsupported %s: %v\n", other.Track, err)
		case errors.As(err, &limit):
			fmt.Fprintf(&b, "limit: %v\n", err)
		case errors.Is(err, bitstream.ErrMalformed):
			b.WriteString("malformed\n")
		case err != nil:
			fmt.Fprintf(&b, "unexpected %v\n", err)
		}
		if t := r.Track; t != nil {
			name, _ := bitstream.CodecString(t, 0)
			fmt.Fprintf(&b, "track %s %s", t.ID, name)
			for _, l := range t.Layers {
				fmt.Fprintf(&b, " %dx%d %gfps %dbit/s", l.Width, l.Height, l.FPS, l.Bitrate)
			}
			if t.Channels > 0 {
				fmt.Fprintf(&b, " %dch %dHz", t.Channels, t.Rate)
			}
			b.WriteByte('\n')
		}
		if u := r.Unit; u.Track != nil {
			fmt.Fprintf(&b, "%s %d%+d+%dns %v %x\n", u.Track.ID, u.DTS, u.CTS, u.Nanos, u.Flags, u.Access)
		}
		if r.Ended != "" {
			fmt.Fprintf(&b, "end %s\n", r.Ended)
		}
	}
	return b.String()
}

func video(at uint32, parts ...[]byte) Tag {
	return Tag{Type: Video, Timestamp: at, Payload: slices.Concat(parts...)}
}

func audio(at uint32, parts ...[]byte) Tag {
	return Tag{Type: Audio, Timestamp: at, Payload: slices.Concat(parts...)}
}

func avcc(nals ...[]byte) []byte { return bitstream.JoinAVCC(nals) }

func TestDemux(t *testing.T) {
	avc, hvc := unhex(t, avcConfig), params(t, media.CodecH265).Config
	av1, opus, aac := unhex(t, av1Config), unhex(t, opusConfig), unhex(t, aacConfig)
	start := []byte{0x17, 0, 0, 0, 0}
	idr := avcc([]byte{0x65, 1})
	for _, c := range []struct {
		name string
		tags []Tag
		want string
	}{
		{"legacy H.264 and AAC", []Tag{
			video(0, start, avc),
			audio(0, []byte{0xAF, 0}, aac),
			video(0xFFFFFFFF, []byte{0x17, 1, 0, 0, 80}, idr),
			video(40, []byte{0x27, 1, 0xFF, 0xFF, 0xD8}, avcc([]byte{1, 2})),
			audio(23, []byte{0xAF, 1, 0x21, 0x10}),
			video(41, start, avc),
			video(42, []byte{0x17, 2, 0, 0, 0}),
		}, `track video avc1.64000D 320x180 30fps 0bit/s
track audio mp4a.40.2 2ch 48000Hz
video 4294967295+80+0ns key|frame-end [6501]
video 40-40+0ns frame-end|droppable [0102]
audio 23+0+0ns key|frame-end [2110]
end video
`},
		{"legacy H.265", []Tag{
			video(0, []byte{0x1C, 0, 0, 0, 0}, hvc),
			video(1, []byte{0x1C, 1, 0, 0, 7}, avcc([]byte{38, 1, 9})),
		}, `track video hvc1.1.6.L60.90 320x180 30fps 0bit/s
video 1+7+0ns key|frame-end [260109]
`},
		{"extended H.265", []Tag{
			video(0, []byte{0x90}, []byte("hvc1"), hvc),
			video(1, []byte{0x91}, []byte("hvc1"), []byte{0xFF, 0xFF, 0xFF}, avcc([]byte{38, 1, 9})),
			video(2, []byte{0xA3}, []byte("hvc1"), avcc([]byte{0, 1, 9})),
			video(3, []byte{0xA2}, []byte("hvc1")),
		}, `track video hvc1.1.6.L60.90 320x180 30fps 0bit/s
video 1-1+0ns key|frame-end [260109]
video 2+0+0ns frame-end|droppable [000109]
end video
`},
		{"extended AV1 and Opus, nanoseconds", []Tag{
			video(0, []byte{0x90}, []byte("av01"), av1),
			audio(0, []byte{0x90}, []byte("Opus"), opus),
			video(7, []byte{0x97, 2, 0x07, 0xA1, 0x20, 0x01}, []byte("av01"), []byte{0x32, 2, 0x10, 5}),
			audio(8, []byte{0x97, 2, 0x00, 0x00, 0x64, 0x01}, []byte("Opus"), []byte{0xFC, 9}),
			video(9, []byte{0x94}, []byte("av01"), []byte{2, 0, 0}),
			video(9, []byte{0xD0, 0}),
		}, `track video av01.0.00M.08 320x180 0fps 0bit/s
track audio opus 2ch 48000Hz
video 7+0+500000ns key|frame-end [08000000043cfeccdaf90040 301005]
audio 8+0+100ns key|frame-end [fc09]
`},
		{"extended AVC and AAC", []Tag{
			video(0, []byte{0x90}, []byte("avc1"), avc),
			audio(0, []byte{0x90}, []byte("mp4a"), aac),
			video(1, []byte{0x91}, []byte("avc1"), []byte{0, 0, 5}, idr),
			audio(2, []byte{0x91}, []byte("mp4a"), []byte{0x21}),
		}, `track video avc1.64000D 320x180 30fps 0bit/s
track audio mp4a.40.2 2ch 48000Hz
video 1+5+0ns key|frame-end [6501]
audio 2+0+0ns key|frame-end [21]
`},
		{"one of many tracks", []Tag{
			audio(0, []byte{0x95, 0x00}, []byte("mp4a"), []byte{0}, aac),
			audio(1, []byte{0x95, 0x11}, []byte("mp4a"), []byte{1, 0, 0, 1, 7}, []byte{0, 0, 0, 2, 0x21, 0x22}),
			audio(2, []byte{0x95, 0x21}, []byte("Opus"), []byte{3, 0, 0, 1, 7}, []byte("mp4a"), []byte{0, 0, 0, 1, 0x23}),
			audio(3, []byte{0x95, 0x01}, []byte("mp4a"), []byte{1, 0x24}),
			audio(4, []byte{0x95, 0x01}, []byte("mp4a"), []byte{1, 0x25}),
			audio(5, []byte{0x95, 0x11}, []byte("mp4a"), []byte{0, 0, 0, 9, 0x21}),
		}, `track audio mp4a.40.2 2ch 48000Hz
audio 1+0+0ns key|frame-end [2122]
audio 2+0+0ns key|frame-end [23]
unsupported audio: audio tracks other than the first are ignored
malformed
`},
		{"unknown codecs, once each", []Tag{
			video(0, []byte{0x12, 1}), video(1, []byte{0x12, 1}),
			video(2, []byte{0x90}, []byte("vp09")), video(3, []byte{0x91}, []byte("vp09")),
			audio(4, []byte{0xB2, 1}), audio(5, []byte{0xB2, 1}),
			audio(6, []byte{0x90}, []byte("ec-3")),
		}, `unsupported video: the video is Sorenson H.263: choose H.264 in the encoder
unsupported video: the video is "vp09": choose H.264 in the encoder
unsupported audio: the audio is Speex: choose AAC in the encoder
unsupported audio: the audio is "ec-3": choose AAC in the encoder
`},
		{"16k", []Tag{
			video(0, start, unhex(t, hugeAVC)),
			video(1, []byte{0x17, 1, 0, 0, 0}, idr),
			video(2, start, avc),
			video(3, []byte{0x17, 1, 0, 0, 0}, idr),
		}, `limit: the picture is 16384×16384; the limit is 4096×4096: lower the output resolution in the encoder
track video avc1.64000D 320x180 30fps 0bit/s
video 3+0+0ns key|frame-end|gap [6501]
`},
		{"damage", []Tag{
			video(0, start, avc),
			video(1, []byte{0x17, 1, 0, 0, 0, 0, 0, 0, 9, 0x65}),
			video(2, []byte{0x27, 1, 0, 0, 0}, make([]byte, 400)),
			video(3, start, avc[:20]),
			video(4, []byte{0x27, 1, 0, 0, 0}, avcc([]byte{0x41, 1})),
			video(5, []byte{0x27, 1, 0}), video(6, nil), audio(7, nil),
			video(8, []byte{0x27, 9, 0, 0, 0}), video(9, []byte{0x97, 0xFF}), video(9, []byte{0x90, 'h'}),
		}, `track video avc1.64000D 320x180 30fps 0bit/s
malformed
malformed
video 4+0+0ns frame-end|gap [4101]
malformed
malformed
malformed
malformed
`},
		{"no configuration", []Tag{
			video(0, []byte{0x17, 1, 0, 0, 0}, idr), video(1, []byte{0x17, 1, 0, 0, 0}, idr),
		}, "unsupported video: the video comes without the H.264 configuration that must precede it: restart the encoder\n"},
		{"parameters change", []Tag{
			video(0, start, avc),
			video(1, []byte{0x17, 1, 0, 0, 0}, avcc(unhex(t, otherSPS), []byte{0x68, 0xCE, 0x3C, 0x80}, []byte{0x65, 1})),
			video(2, start, avc),
			video(3, []byte{0x17, 1, 0, 0, 0}, avcc(unhex(t, otherSPS), []byte{0x68, 0xCE, 0x3C, 0x80}, []byte{0x65, 1})),
			video(4, []byte{0x90}, []byte("hvc1"), hvc),
		}, `track video avc1.64000D 320x180 30fps 0bit/s
track video avc1.42C028 1280x720 0fps 0bit/s
video 1+0+0ns key|frame-end [6501]
video 3+0+0ns key|frame-end [6501]
track video hvc1.1.6.L60.90 320x180 30fps 0bit/s
`},
		{"hints", []Tag{
			Metadata{FPS: 50, VideoBitrate: 2_500_000}.Tag(true),
			video(0, []byte{0x90}, []byte("av01"), av1),
			Metadata{FPS: 1000}.Tag(false),
			video(0, start, avc),
		}, `track video av01.0.00M.08 320x180 50fps 2500000bit/s
track video avc1.64000D 320x180 30fps 0bit/s
`},
		{"MP3", []Tag{
			audio(0, []byte{0x2E, 0xFF, 0xFB, 0x90, 0xC4, 0}), audio(26, []byte{0x2E, 0xFF, 0xFB, 0x90, 0xC4, 0}),
			audio(52, []byte{0x2E, 0xFF, 0xFB, 0x90, 0x04, 0}),
		}, `track audio mp4a.40.34 1ch 44100Hz
audio 0+0+0ns key|frame-end [fffb90c400]
audio 26+0+0ns key|frame-end [fffb90c400]
track audio mp4a.40.34 2ch 44100Hz
audio 52+0+0ns key|frame-end [fffb900400]
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := feed(NewDemuxer(bitstream.Limits{}), c.tags...); got != c.want {
				t.Errorf("got:\n%swant:\n%s", got, c.want)
			}
		})
	}
}

func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		codec  media.Codec
		access [][]byte
	}{
		{media.CodecH264, [][]byte{{6, 5, 0x80}, {0x65, 1, 2}}},
		{media.CodecH265, [][]byte{{38, 1, 2}}},
		{media.CodecAV1, [][]byte{unhex(t, "08000000043cfeccdaf90040"), {0x30, 0x10, 7}}},
		{media.CodecAAC, [][]byte{{0x21, 1, 2}}},
		{media.CodecOpus, [][]byte{{0xFC, 1, 2}}},
		{media.CodecMP3, [][]byte{{0xFF, 0xFB, 0x90, 0xC4, 0}}},
	} {
		t.Run(c.codec.String(), func(t *testing.T) {
			track := params(t, c.codec).Track(media.TrackID(c.codec.Kind().String()))
			d := NewDemuxer(bitstream.Limits{})
			head, err := SequenceHeader(track, 0, 5)
			if err != nil {
				t.Fatal(err)
			}
			first, err := d.Demux(head)
			if err != nil {
				t.Fatal(err)
			}
			want := Unit{Track: track, DTS: 7, Flags: media.Key | media.FrameEnd, Access: c.access}
			if c.codec == media.CodecH264 || c.codec == media.CodecH265 {
				want.CTS = -3
			}
			if c.codec != media.CodecH264 && c.codec != media.CodecAAC && c.codec != media.CodecMP3 {
				want.Nanos = 999_999
			}
			tag, err := Mux(want)
			if err != nil {
				t.Fatal(err)
			}
			r, err := d.Demux(tag)
			if err != nil {
				t.Fatal(err)
			}
			if first.Track == nil {
				first.Track = r.Track // MP3
			}
			if got := first.Track; got == nil || !bytes.Equal(got.Config, track.Config) || got.Codec != c.codec {
				t.Errorf("track %+v", got)
			}
			got := r.Unit
			if got.DTS != want.DTS || got.CTS != want.CTS || got.Nanos != want.Nanos || got.Flags != want.Flags ||
				!slices.EqualFunc(got.Access, want.Access, bytes.Equal) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			end, err := SequenceEnd(track, 9)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Demux(end); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDemuxAllocates(t *testing.T) {
	d := NewDemuxer(bitstream.Limits{})
	feed(d, video(0, []byte{0x17, 0, 0, 0, 0}, unhex(t, avcConfig)))
	tag := video(1, []byte{0x27, 1, 0, 0, 0}, avcc([]byte{6, 5, 0x80}, make([]byte, 5000)))
	tag.Payload[16] = 0x41
	if n := testing.AllocsPerRun(100, func() { _, _ = d.Demux(tag) }); n > 1 {
		t.Errorf("%.0f allocations a unit", n)
	}
}

func BenchmarkDemux(b *testing.B) {
	d := NewDemuxer(bitstream.Limits{})
	feed(d, video(0, []byte{0x17, 0, 0, 0, 0}, unhex(b, avcConfig)))
	tag := video(1, []byte{0x27, 1, 0, 0, 0}, avcc([]byte{6, 5, 0x80}, append([]byte{0x41}, make([]byte, 20_000)...)))
	b.SetBytes(int64(len(tag.Payload)))
	b.ReportAllocs()
	for b.Loop() {
		if r, err := d.Demux(tag); err != nil || r.Unit.Track == nil {
			b.Fatal(r, err)
		}
	}
}

func BenchmarkMux(b *testing.B) {
	u := Unit{Track: params(b, media.CodecH264).Track(VideoID), Access: [][]byte{make([]byte, 20_000)}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Mux(u); err != nil {
			b.Fatal(err)
		}
	}
}
