package fmp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

var errCodec = errors.New("the container cannot carry the codec")

// sampleEntry writes the codec's box in stsd. Decoder configurations are copied as
// they are; only Opus has another form here than elsewhere.
func (b *boxes) sampleEntry(t *media.Track, layer int8) error {
	config := t.LayerConfig(layer)
	if len(config) == 0 {
		return fmt.Errorf("track %s: no decoder configuration", t.ID)
	}
	switch t.Codec {
	case media.CodecH264:
		b.visual("avc1", "avcC", t, layer)
	case media.CodecH265:
		b.visual("hvc1", "hvcC", t, layer)
	case media.CodecAV1:
		b.visual("av01", "av1C", t, layer)
	case media.CodecVP9:
		b.visual("vp09", "vpcC", t, layer)
	case media.CodecAAC:
		at := b.sound("mp4a", t)
		b.esds(config)
		b.close(at)
	case media.CodecOpus:
		at := b.sound("Opus", t)
		err := b.dOps(config)
		b.close(at)
		return err
	case media.CodecVP8, media.CodecMP3:
		return fmt.Errorf("track %s: %w %v", t.ID, errCodec, t.Codec)
	default:
		return fmt.Errorf("track %s: %w", t.ID, errCodec)
	}
	return nil
}

// ParameterSets is what a key picture's sample may begin with, so that it can be decoded
// without the description of the track: VPS, SPS and PPS as the sample has NAL units; nil
// where the codec needs none.
func (h *Header) ParameterSets() []byte {
	const visual = boxHeader + 78 // a VisualSampleEntry without boxes (ISO/IEC 14496-12 section 12.1.3)
	if len(h.Entry) < visual {
		return nil
	}
	var codec media.Codec
	switch string(h.Entry[4:boxHeader]) {
	case "avc1":
		codec = media.CodecH264
	case "hvc1":
		codec = media.CodecH265
	default:
		return nil // the key pictures of others have all
	}
	var sets []byte
	_ = children(h.Entry[visual:], func(kind string, config []byte) error { // none, if it is damaged
		if kind != "avcC" && kind != "hvcC" {
			return nil
		}
		nals, err := bitstream.ParameterSets(codec, config)
		if err != nil {
			return err
		}
		sets, err = bitstream.Append(nil, codec, nals)
		return err
	})
	return sets
}

// esds is an elementary stream descriptor around an AudioSpecificConfig (ISO/IEC
// 14496-1 section 7.2.6).
func (b *boxes) esds(config []byte) {
	config = config[:min(len(config), 64)] // so that each length fits one byte
	at := b.full("esds", 0, 0)
	b.bytes([]byte{0x03, byte(23 + len(config)), 0, 1, 0})    // ES_Descriptor
	b.bytes([]byte{0x04, byte(15 + len(config)), 0x40, 0x15}) // DecoderConfigDescriptor: AAC, audio
	b.zeros(3)                                                // buffer size
	b.zeros(8)                                                // rates, unknown
	b.bytes([]byte{0x05, byte(len(config))})
	b.bytes(config)
	b.bytes([]byte{0x06, 1, 0x02}) // SLConfigDescriptor: as MP4 wants it
	b.close(at)
}

// dOps is an OpusHead (RFC 7845 section 5.1) in the order of the Opus in ISOBMFF
// specification, section 4.3.2: no magic, version 0, big endian.
func (b *boxes) dOps(head []byte) error {
	if len(head) < 19 {
		return fmt.Errorf("OpusHead of %d bytes", len(head))
	}
	at := b.open("dOps")
	b.u8(0)
	b.u8(head[9])
	b.u16(binary.LittleEndian.Uint16(head[10:]))
	b.u32(binary.LittleEndian.Uint32(head[12:]))
	b.u16(binary.LittleEndian.Uint16(head[16:]))
	b.bytes(head[18:])
	b.close(at)
	return nil
}

// JoinedSize is the length of what bitstream.Append makes of an access unit.
func JoinedSize(c media.Codec, access [][]byte) int {
	n := 0
	for _, b := range access {
		n += len(b)
		switch c {
		case media.CodecH264, media.CodecH265:
			n += lengthSize
		case media.CodecAV1:
			n += obuGrowth(b)
		case media.CodecAAC, media.CodecOpus, media.CodecMP3, media.CodecVP8, media.CodecVP9:
		}
	}
	return n
}

// lengthSize is how long the length of a NAL unit is.
const lengthSize = 4

// obuGrowth is how many bytes longer an OBU is for its size field (AV1 section
// 5.3.1); an OBU without a whole header is left out.
func obuGrowth(obu []byte) int {
	if len(obu) == 0 {
		return 0
	}
	header := 1 + int(obu[0]>>2&1)
	if header > len(obu) {
		return -len(obu)
	}
	return (bits.Len(uint(len(obu)-header)|1) + 6) / 7
}

// Nominal is how long an audio unit lasts, in ticks of the track's rate; for
// video what the track declares, or 1/30 s.
func Nominal(u *media.Unit) media.Ticks {
	if u.Kind() == media.KindAudio && len(u.Access) > 0 {
		if n, err := bitstream.Samples(u.Track.Codec, u.Access[0]); err == nil && n > 0 {
			return media.Ticks(n)
		}
		return media.Ticks(u.Track.Rate / 50)
	}
	if l := int(u.Layer); l >= 0 && l < len(u.Track.Layers) && u.Track.Layers[l].FPS >= 1 {
		return media.Ticks(float64(u.Track.Rate) / u.Track.Layers[l].FPS)
	}
	return media.Ticks(u.Track.Rate / 30)
}
