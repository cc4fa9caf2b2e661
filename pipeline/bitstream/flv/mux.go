package flv

import (
	"encoding/binary"
	"fmt"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// SequenceHeader is the tag that must precede the units of a track's layer, with
// its decoder configuration: in legacy form for H264 and AAC, extended for H265,
// AV1 and Opus. at is in milliseconds. A Tag without payload is returned for
// codecs that need none (MP3).
func SequenceHeader(t *media.Track, layer int8, at uint32) (Tag, error) {
	f, err := formOf(t.Codec)
	if err != nil {
		return Tag{}, err
	}
	tag := Tag{Type: tagType(t), Timestamp: at}
	if f.bare {
		return tag, nil
	}
	config := t.LayerConfig(layer)
	if len(config) == 0 {
		return Tag{}, fmt.Errorf("flv: track %s has no %v configuration", t.ID, t.Codec)
	}
	tag.Payload = append(appendHead(nil, t, f, frameKey, typeStart, 0, 0), config...)
	return tag, nil
}

// SequenceEnd is the tag after the last unit of a track.
func SequenceEnd(t *media.Track, at uint32) (Tag, error) {
	f, err := formOf(t.Codec)
	if err != nil {
		return Tag{}, err
	}
	tag := Tag{Type: tagType(t), Timestamp: at}
	if f.four != 0 || t.Kind() == media.KindVideo {
		tag.Payload = appendHead(nil, t, f, frameKey, typeEnd, 0, 0)
	}
	return tag, nil
}

// Mux is the tag of a unit. Nanoseconds are kept where the form has room for
// them, which the legacy one has not. The payload is a new buffer.
func Mux(u Unit) (Tag, error) {
	size := 16
	for _, b := range u.Access {
		size += len(b) + 8
	}
	return Append(make([]byte, 0, size), u)
}

// Append is Mux with a payload that is appended to b.
func Append(b []byte, u Unit) (Tag, error) {
	f, err := formOf(u.Track.Codec)
	if err != nil {
		return Tag{}, err
	}
	if u.CTS < -1<<23 || u.CTS >= 1<<23 {
		return Tag{}, fmt.Errorf("flv: composition time of %d ms does not fit", u.CTS)
	}
	frame := byte(frameInter)
	if u.Flags.Has(media.Key) {
		frame = frameKey
	}
	b = appendHead(b, u.Track, f, frame, typeFrames, u.CTS, u.Nanos)
	if b, err = bitstream.Append(b, u.Track.Codec, u.Access); err != nil {
		return Tag{}, fmt.Errorf("flv: %w", err)
	}
	return Tag{Type: tagType(u.Track), Timestamp: u.DTS, Payload: b}, nil
}

// FourCC is the codec's name in Enhanced RTMP where a tag of it has one, else "".
func FourCC(c media.Codec) string {
	f, err := formOf(c)
	if err != nil || f.four == 0 {
		return ""
	}
	return string([]byte{byte(f.four >> 24), byte(f.four >> 16), byte(f.four >> 8), byte(f.four)})
}

func tagType(t *media.Track) Type {
	if t.Kind() == media.KindVideo {
		return Video
	}
	return Audio
}

// appendHead appends what precedes the body of a tag.
func appendHead(b []byte, t *media.Track, f form, frame, typ byte, cts int32, nanos uint32) []byte {
	video := t.Kind() == media.KindVideo
	switch {
	case f.four != 0:
		return appendExtended(b, video, f.four, frame, typ, cts, nanos)
	case video:
		// Legacy packet types are those of the extended form.
		return appendInt24(append(b, frame<<4|f.legacy, typ), cts)
	case f.bare:
		return append(b, soundHead(t, f.legacy))
	default:
		return append(b, soundHead(t, f.legacy), typ)
	}
}

// soundHead is the first byte of AUDIODATA. For AAC it is always the same,
// whatever the audio is (FLV 10.1 section E.4.2.1).
func soundHead(t *media.Track, format byte) byte {
	const bits16, stereo = 2, 1
	if format == legacyAAC {
		return format<<4 | 3<<2 | bits16 | stereo
	}
	rate := byte(3)
	switch {
	case t.Rate <= 11_025:
		rate = 1
	case t.Rate <= 24_000:
		rate = 2
	}
	head := format<<4 | rate<<2 | bits16
	if t.Channels > 1 {
		head |= stereo
	}
	return head
}

func appendExtended(b []byte, video bool, four fourCC, frame, typ byte, cts int32, nanos uint32) []byte {
	if video && typ == typeFrames && cts == 0 && four.hasCTS() {
		typ = typeFramesX
	}
	first := byte(legacyEnhanced << 4)
	if video {
		first = 0x80 | frame<<4
	}
	if nanos > 0 {
		b = append(b, first|typeModEx, 2) // 3 bytes of nanoseconds
		b = append(b, byte(nanos>>16), byte(nanos>>8), byte(nanos), typ)
	} else {
		b = append(b, first|typ)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(four))
	if typ == typeFrames && four.hasCTS() {
		b = appendInt24(b, cts)
	}
	return b
}

func appendInt24(b []byte, v int32) []byte {
	return append(b, byte(v>>16), byte(v>>8), byte(v))
}
