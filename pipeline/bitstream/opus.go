package bitstream

import (
	"encoding/binary"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"weir/pipeline/media"
)

const opusMagic = "OpusHead"

// parseOpusHead reads an identification header (RFC 7845 section 5.1). The
// parser of mediacommon takes its numbers for big endian, which they are in MP4
// only.
func parseOpusHead(config []byte, l Limits) (*Params, error) {
	if len(config) < 19 || string(config[:8]) != opusMagic || config[8]&0xF0 != 0 {
		return nil, malformed("Opus configuration: not an OpusHead packet")
	}
	channels, size := int(config[9]), 19
	if config[18] == 0 {
		if channels > 2 {
			return nil, malformed("Opus configuration: %d channels without a mapping", channels)
		}
	} else {
		size += 2 + channels
	}
	if len(config) < size {
		return nil, malformed("Opus configuration: cut off")
	}
	if err := l.audio(channels, int(media.OpusRate)); err != nil {
		return nil, err
	}
	return &Params{
		Codec: media.CodecOpus, Config: slices.Clone(config[:size]), limits: l,
		Channels: channels, Rate: media.OpusRate, name: "opus",
	}, nil
}

// OpusHead is the identification header (RFC 7845 section 5.1) of a mono or
// stereo stream, with preSkip samples of 48 kHz to be dropped at its beginning.
func OpusHead(channels, preSkip int) []byte {
	b := append([]byte(opusMagic), 1, byte(channels))
	b = binary.LittleEndian.AppendUint16(b, uint16(preSkip))
	b = binary.LittleEndian.AppendUint32(b, uint32(media.OpusRate))
	return append(b, 0, 0, 0) // gain, mapping family
}

// opusSamples is the duration of a packet at 48 kHz, at most 120 ms (RFC 6716
// sections 3.1 and 3.2.5).
func opusSamples(packet []byte) (int, error) {
	n := int(opus.PacketDuration2(packet))
	if n <= 0 || n > 5760 {
		return 0, malformed("Opus packet: %d samples long", n)
	}
	return n, nil
}
