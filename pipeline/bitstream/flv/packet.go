package flv

import (
	"encoding/binary"
	"fmt"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// packetKind is what a tag means to a track.
type packetKind uint8

const (
	packetNothing packetKind = iota
	packetStart              // decoder configuration
	packetFrames             // one access unit
	packetEnd                // of the sequence
)

// packet is a parsed audio or video tag.
type packet struct {
	kind  packetKind
	codec media.Codec
	cts   int32
	nanos uint32
	body  []byte
}

// Packet types of Enhanced RTMP. Number 5 is audio's multitrack, 6 video's.
const (
	typeStart       = 0
	typeFrames      = 1
	typeEnd         = 2
	typeFramesX     = 3
	typeMetadata    = 4
	typeAudioTracks = 5
	typeVideoTracks = 6
	typeModEx       = 7
)

const (
	frameKey     = 1
	frameInter   = 2
	frameCommand = 5
)

func cutOff(what string) error {
	return fmt.Errorf("%s: %w tag, cut off", what, bitstream.ErrMalformed)
}

// parseVideo reads a VIDEODATA (FLV 10.1 section E.4.3) or an extended video tag.
func parseVideo(b []byte) (packet, error) {
	if len(b) == 0 {
		return packet{}, nil
	}
	frame, low := b[0]>>4&7, b[0]&0xF
	if b[0]&0x80 != 0 {
		e := extended{track: VideoID, tracks: typeVideoTracks, rest: b[1:], typ: low}
		return e.parse(frame == frameCommand)
	}
	if frame == frameCommand {
		return packet{}, nil
	}
	codec, name := legacyVideo(low)
	if name != "" {
		return packet{}, unsupported(VideoID, "the video is %s: choose H.264 in the encoder", name)
	}
	if len(b) < 5 {
		return packet{}, cutOff("video")
	}
	p := packet{codec: codec, cts: int24(b[2:]), body: b[5:]}
	switch b[1] {
	case 0:
		p.kind = packetStart
	case 1:
		p.kind = packetFrames
	case 2:
		p.kind = packetEnd
	default:
		return packet{}, fmt.Errorf("video: %w tag, packet type %d", bitstream.ErrMalformed, b[1])
	}
	return p, nil
}

// parseAudio reads an AUDIODATA (FLV 10.1 section E.4.2) or an extended audio tag.
func parseAudio(b []byte) (packet, error) {
	if len(b) == 0 {
		return packet{}, nil
	}
	if b[0]>>4 == legacyEnhanced {
		e := extended{track: AudioID, tracks: typeAudioTracks, rest: b[1:], typ: b[0] & 0xF}
		return e.parse(false)
	}
	codec, name := legacyAudio(b[0] >> 4)
	if name != "" {
		return packet{}, unsupported(AudioID, "the audio is %s: choose AAC in the encoder", name)
	}
	if codec == media.CodecMP3 {
		return packet{kind: packetFrames, codec: codec, body: b[1:]}, nil
	}
	if len(b) < 2 {
		return packet{}, cutOff("audio")
	}
	p := packet{kind: packetFrames, codec: codec, body: b[2:]}
	if b[1] == 0 {
		p.kind = packetStart
	}
	return p, nil
}

// extended reads the tag of Enhanced RTMP v2, "Enhanced Audio" and "Enhanced
// Video": modifiers, then one or many tracks, of which number 0 is taken.
type extended struct {
	track  media.TrackID
	tracks byte // the packet type that means multitrack
	typ    byte
	rest   []byte
	nanos  uint32
	four   fourCC
}

func (e *extended) parse(command bool) (packet, error) {
	for e.typ == typeModEx {
		if !e.modifier() {
			return packet{}, cutOff(string(e.track))
		}
	}
	if command && e.typ != typeMetadata {
		return packet{}, nil
	}
	if e.typ == e.tracks {
		return e.multitrack()
	}
	if !e.readFourCC() {
		return packet{}, cutOff(string(e.track))
	}
	return e.packet()
}

// modifier reads one ModEx block and the packet type behind it.
func (e *extended) modifier() bool {
	b := e.rest
	if len(b) < 1 {
		return false
	}
	size, b := int(b[0])+1, b[1:]
	if size == 256 {
		if len(b) < 2 {
			return false
		}
		size, b = int(binary.BigEndian.Uint16(b))+1, b[2:]
	}
	if len(b) < size+1 {
		return false
	}
	const timestampOffsetNano = 0
	if kind := b[size] >> 4; kind == timestampOffsetNano && size >= 3 {
		e.nanos = min(uint24(b), 999_999)
	}
	e.typ, e.rest = b[size]&0xF, b[size+1:]
	return true
}

func (e *extended) readFourCC() bool {
	if len(e.rest) < 4 {
		return false
	}
	e.four, e.rest = fourCC(binary.BigEndian.Uint32(e.rest)), e.rest[4:]
	return true
}

// multitrack finds track number 0 in a multitrack tag.
func (e *extended) multitrack() (packet, error) {
	const oneTrack, manyCodecs = 0, 2
	if len(e.rest) < 1 {
		return packet{}, cutOff(string(e.track))
	}
	layout := e.rest[0] >> 4
	e.typ, e.rest = e.rest[0]&0xF, e.rest[1:]
	if layout > manyCodecs || e.typ >= e.tracks {
		return packet{}, fmt.Errorf("%s: %w multitrack tag", e.track, bitstream.ErrMalformed)
	}
	if layout != manyCodecs && !e.readFourCC() {
		return packet{}, cutOff(string(e.track))
	}
	for len(e.rest) > 0 {
		if layout == manyCodecs && !e.readFourCC() || len(e.rest) < 1 {
			return packet{}, cutOff(string(e.track))
		}
		number, size := e.rest[0], len(e.rest)-1
		e.rest = e.rest[1:]
		if layout != oneTrack {
			if len(e.rest) < 3 || int(uint24(e.rest)) > len(e.rest)-3 {
				return packet{}, cutOff(string(e.track))
			}
			size, e.rest = int(uint24(e.rest)), e.rest[3:]
		}
		if number == 0 {
			e.rest = e.rest[:size:size]
			return e.packet()
		}
		e.rest = e.rest[size:]
	}
	return packet{}, unsupported(e.track, "%s tracks other than the first are ignored", e.track)
}

// packet reads the body of one track.
func (e *extended) packet() (packet, error) {
	if e.typ == typeMetadata {
		return packet{}, nil
	}
	p := packet{nanos: e.nanos, body: e.rest}
	var ok bool
	if p.codec, ok = e.four.codec(); !ok || media.TrackID(p.codec.Kind().String()) != e.track {
		advice := "H.264"
		if e.track == AudioID {
			advice = "AAC"
		}
		return packet{}, unsupported(e.track, "the %s is %v: choose %s in the encoder", e.track, e.four, advice)
	}
	switch {
	case e.typ == typeStart:
		p.kind = packetStart
	case e.typ == typeEnd:
		p.kind = packetEnd
	case e.typ == typeFrames && e.four.hasCTS():
		if len(p.body) < 3 {
			return packet{}, cutOff(string(e.track))
		}
		p.kind, p.cts, p.body = packetFrames, int24(p.body), p.body[3:]
	case e.typ == typeFrames, e.typ == typeFramesX && e.track == VideoID:
		p.kind = packetFrames
	default:
		return packet{}, unsupported(e.track, "%s packets of type %d are ignored", e.track, e.typ)
	}
	return p, nil
}

func unsupported(id media.TrackID, format string, args ...any) error {
	return &Unsupported{Track: id, What: fmt.Sprintf(format, args...)}
}

func uint24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

func int24(b []byte) int32 { return int32(uint24(b)<<8) >> 8 }
