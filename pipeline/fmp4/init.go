package fmp4

import (
	"weir/pipeline/media"
)

// Stream is a track as one layer of it is written.
type Stream struct {
	Track *media.Track
	Layer int8
}

// Init is the file header that EXT-X-MAP names: ftyp and moov of streams whose
// track_IDs are 1, 2 and so on (ISO/IEC 14496-12 sections 4.3 and 8.2, ISO/IEC
// 23000-19 section 7). It fails for what the container cannot carry.
func Init(streams ...Stream) ([]byte, error) {
	var b boxes
	ftyp := b.open("ftyp")
	b.string("iso6")
	b.u32(1)
	b.string("iso6cmfcmp41")
	b.close(ftyp)

	moov := b.open("moov")
	b.mvhd(uint32(len(streams)) + 1)
	for i, s := range streams {
		trak := b.open("trak")
		b.tkhd(uint32(i)+1, s.Track, s.Layer)
		mdia := b.open("mdia")
		b.mdhd(s.Track)
		b.handler(s.Track.Kind())
		if err := b.minf(s.Track, s.Layer); err != nil {
			return nil, err
		}
		b.close(mdia)
		b.close(trak)
	}
	mvex := b.open("mvex")
	for i := range streams {
		trex := b.full("trex", 0, 0)
		b.u32(uint32(i) + 1)
		b.u32(1) // default_sample_description_index
		b.zeros(12)
		b.close(trex)
	}
	b.close(mvex)
	b.close(moov)
	return b, nil
}

func (b *boxes) mvhd(next uint32) {
	at := b.full("mvhd", 0, 0)
	b.zeros(8) // times of creation and modification
	b.u32(1000)
	b.u32(0)       // duration
	b.u32(0x10000) // rate
	b.u16(0x100)   // volume
	b.zeros(10)
	b.matrix()
	b.zeros(24)
	b.u32(next) // track
	b.close(at)
}

func (b *boxes) tkhd(number uint32, t *media.Track, layer int8) {
	at := b.full("tkhd", 0, 3) // enabled, in movie
	b.zeros(8)
	b.u32(number)
	b.zeros(4 + 4 + 8) // reserved, duration, reserved
	b.u16(0)           // layer
	if t.Kind() == media.KindAudio {
		b.u16(1)     // alternate group
		b.u16(0x100) // volume
	} else {
		b.u32(0)
	}
	b.u16(0)
	b.matrix()
	w, h := Size(t, layer)
	b.u32(uint32(w) << 16)
	b.u32(uint32(h) << 16)
	b.close(at)
}

func (b *boxes) mdhd(t *media.Track) {
	at := b.full("mdhd", 0, 0)
	b.zeros(8)
	b.u32(uint32(t.Rate))
	b.u32(0)
	b.u16(packedLanguage(t.Language))
	b.u16(0)
	b.close(at)
}

// packedLanguage is an ISO 639-2 code in 15 bits. A BCP 47 tag of three letters is
// one; of others the playlist knows more than this field could say.
func packedLanguage(tag string) uint16 {
	if len(tag) != 3 {
		tag = "und"
	}
	var v uint16
	for i := range 3 {
		c := tag[i]
		if c < 'a' || c > 'z' {
			return packedLanguage("")
		}
		v = v<<5 | uint16(c-0x60)
	}
	return v
}

func (b *boxes) handler(kind media.Kind) {
	at := b.full("hdlr", 0, 0)
	b.u32(0)
	if kind == media.KindAudio {
		b.string("soun")
	} else {
		b.string("vide")
	}
	b.zeros(12 + 1) // reserved, an empty name
	b.close(at)
}

// mediaInformation begins a minf up to its sample table; the result is for close.
func (b *boxes) mediaInformation(kind media.Kind) int {
	minf := b.open("minf")
	if kind == media.KindAudio {
		at := b.full("smhd", 0, 0)
		b.u32(0)
		b.close(at)
	} else {
		at := b.full("vmhd", 0, 1)
		b.u64(0)
		b.close(at)
	}
	dinf := b.open("dinf")
	dref := b.full("dref", 0, 0)
	b.u32(1)
	b.close(b.full("url ", 0, 1)) // in this file
	b.close(dref)
	b.close(dinf)
	return minf
}

func (b *boxes) minf(t *media.Track, layer int8) error {
	minf := b.mediaInformation(t.Kind())
	stbl := b.open("stbl")
	stsd := b.full("stsd", 0, 0)
	b.u32(1)
	if err := b.sampleEntry(t, layer); err != nil {
		return err
	}
	b.close(stsd)
	for _, kind := range []string{"stts", "stsc", "stco"} {
		at := b.full(kind, 0, 0)
		b.u32(0)
		b.close(at)
	}
	at := b.full("stsz", 0, 0)
	b.u64(0)
	b.close(at)
	b.close(stbl)
	b.close(minf)
	return nil
}

// visual is a VisualSampleEntry around the box of a decoder configuration.
func (b *boxes) visual(kind, configKind string, t *media.Track, layer int8) {
	w, h := Size(t, layer)
	at := b.open(kind)
	b.zeros(6)
	b.u16(1)    // data reference
	b.zeros(16) // pre_defined, reserved
	b.u16(uint16(w))
	b.u16(uint16(h))
	b.u32(72 << 16) // dots per inch
	b.u32(72 << 16)
	b.u32(0)
	b.u16(1) // frames per sample
	b.zeros(32)
	b.u16(24)
	b.u16(0xffff)
	config := b.open(configKind)
	b.bytes(t.LayerConfig(layer))
	b.close(config)
	b.close(at)
}

// sound starts an AudioSampleEntry; the result is for close.
func (b *boxes) sound(kind string, t *media.Track) int {
	at := b.open(kind)
	b.zeros(6)
	b.u16(1) // data reference
	b.zeros(8)
	b.u16(uint16(t.Channels))
	b.u16(16) // bits per sample
	b.u32(0)
	// 16.16 fixed point; a rate beyond that is in the codec's own configuration.
	rate := uint32(t.Rate)
	if rate > 0xffff {
		rate = 0
	}
	b.u32(rate << 16)
	return at
}

// Size is the size of a layer's pictures as a box can hold it; 0 if unknown.
func Size(t *media.Track, layer int8) (w, h int) {
	if layer >= 0 && int(layer) < len(t.Layers) {
		l := t.Layers[layer]
		return min(l.Width, 0xffff), min(l.Height, 0xffff)
	}
	return 0, 0
}
