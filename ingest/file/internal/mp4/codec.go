package mp4

import (
	"encoding/binary"
	"fmt"

	"weir/pipeline/media"
)

// description reads the first entry of an stsd box: its name, and the codec and
// configuration if they are ours.
func description(stsd box) (name string, codec media.Codec, config []byte, err error) {
	if len(stsd) < 8 {
		return "", 0, nil, fmt.Errorf("%w: no sample description", ErrMalformed)
	}
	name, entry, _, err := stsd[8:].next()
	if err != nil {
		return "", 0, nil, err
	}
	const visual, audio = 78, 28 // the fields before the boxes, sections 12.1.3 and 12.2.3
	switch name {
	case "avc1", "avc3":
		codec, config = media.CodecH264, entry.inside(visual, "avcC")
	case "hvc1", "hev1":
		codec, config = media.CodecH265, entry.inside(visual, "hvcC")
	case "av01":
		codec, config = media.CodecAV1, entry.inside(visual, "av1C")
	case "Opus":
		codec, config = media.CodecOpus, opusHead(entry.inside(audio, "dOps"))
	case "mp4a":
		object, info := entry.inside(audio, "esds").decoder()
		if object != 0x40 && object != 0x67 { // ISO/IEC 14496-1 table 5: AAC of MPEG-4 and of MPEG-2
			return fmt.Sprintf("mp4a.%02x", object), 0, nil, nil
		}
		codec, config = media.CodecAAC, info
	default:
		return fmt.Sprintf("%q", name), 0, nil, nil
	}
	if len(config) == 0 {
		return name, 0, nil, fmt.Errorf("%w: %s without decoder configuration", ErrMalformed, name)
	}
	return name, codec, config, nil
}

// inside is the box of that name behind the first fields of a sample entry.
func (b box) inside(fields int, name string) box {
	if len(b) < fields {
		return nil
	}
	return b[fields:].child(name)
}

// decoder finds objectTypeIndication and DecoderSpecificInfo in an esds box
// (ISO/IEC 14496-1 section 7.2.6).
func (b box) decoder() (object byte, info []byte) {
	if len(b) < 4 {
		return 0, nil
	}
	const esTag, configTag, infoTag = 3, 4, 5
	es := box(b[4:]).descriptor(esTag)
	if len(es) < 3 {
		return 0, nil
	}
	flags, skip := es[2], 3
	if flags&0x80 != 0 { // dependsOn_ES_ID
		skip += 2
	}
	if flags&0x40 != 0 && len(es) > skip { // URL
		skip += 1 + int(es[skip])
	}
	if flags&0x20 != 0 { // OCR_ES_Id
		skip += 2
	}
	if len(es) < skip {
		return 0, nil
	}
	config := es[skip:].descriptor(configTag)
	if len(config) < 13 {
		return 0, nil
	}
	return config[0], config[13:].descriptor(infoTag)
}

// descriptor is the content of the first descriptor with that tag.
func (b box) descriptor(tag byte) box {
	for len(b) >= 2 {
		got, size, i := b[0], 0, 1
		for ; i < min(len(b), 5); i++ {
			size = size<<7 | int(b[i]&0x7f)
			if b[i]&0x80 == 0 {
				i++
				break
			}
		}
		if size > len(b)-i {
			return nil
		}
		if got == tag {
			return b[i : i+size : i+size]
		}
		b = b[i+size:]
	}
	return nil
}

// opusHead turns the content of a dOps box (Opus in ISOBMFF section 4.3.2), which
// has its numbers in big endian, into an OpusHead packet (RFC 7845 section 5.1).
func opusHead(dops box) []byte {
	if len(dops) < 11 || dops[0] != 0 {
		return nil
	}
	head := append([]byte("OpusHead"), 1, dops[1])
	head = binary.LittleEndian.AppendUint16(head, binary.BigEndian.Uint16(dops[2:]))
	head = binary.LittleEndian.AppendUint32(head, binary.BigEndian.Uint32(dops[4:]))
	head = binary.LittleEndian.AppendUint16(head, binary.BigEndian.Uint16(dops[8:]))
	return append(head, dops[10:]...)
}
