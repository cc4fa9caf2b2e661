package load

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"weir/pipeline/bitstream"
	"weir/pipeline/bitstream/flv"
	"weir/pipeline/media"
)

// The stream that publishers send: what an encoder for 720p30 makes of ordinary
// content, 2.52 Mbit/s of H.264 in groups of 2 s and 128 kbit/s of AAC. The slices
// are noise, which no server looks into. What is made of AAC has to be decoded: it is
// silence, with zeros behind.
const (
	frameRate  = 30
	groupSize  = 2 * frameRate // frames from key frame to key frame
	keyBytes   = 62_000
	interBytes = 9_610
	audioRate  = 48_000
	audioFrame = 1024 // samples
	audioBytes = 341

	// Of Opus: 64 kbit/s in packets of 20 ms.
	opusPacket = 960 // samples
	opusBytes  = 160

	// turn is how long the stream is until its bytes repeat: a whole number of
	// frames of both kinds.
	turn         = 8 * time.Second
	videoPerTurn = int(turn/time.Second) * frameRate
	audioPerTurn = int(turn/time.Second) * audioRate / audioFrame
)

// Bitrate is that of the stream without RTMP's headers, in bit/s.
const Bitrate = ((videoPerTurn/groupSize)*keyBytes + (videoPerTurn-videoPerTurn/groupSize)*interBytes +
	audioPerTurn*audioBytes) * 8 / int(turn/time.Second)

// The decoder configurations: x264's for 1280x720 at 30 frames a second (High
// profile), and AAC-LC of two channels at 48 kHz.
const (
	videoConfig = "\x01\x42\xc0\x1f\xff\xe1\x00\x17\x67\x42\xc0\x1f\xda\x01\x40\x16\xec\x04\x40\x00" +
		"\x00\x03\x00\x40\x00\x00\x0f\x03\xc6\x0c\xa8\x01\x00\x04\x68\xce\x0f\xc8"
	audioConfig = "\x11\x90"
	opusConfig  = "OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"
)

// The chunk streams of the media, and the message stream that a server gives first.
const (
	dataChunks    = 5
	videoChunks   = 6
	audioChunks   = 7
	messageStream = 1
)

// wire is a stream as a publisher's connection carries it.
type wire struct {
	// head is what comes first: metadata and decoder configurations.
	head []byte
	// messages are a turn's, in order of their times. They are relative to the
	// ones before, so that they can be sent over and over.
	messages []timed
}

// timed is a message in its chunks, and when it is due within a turn.
type timed struct {
	due   time.Duration
	bytes []byte
	stamp int // where the time of sending belongs in bytes; 0 is nowhere
}

// Sound is what there is beside the pictures.
type Sound string

// The kinds of sound. The zero Sound is AAC.
const (
	AAC    Sound = "aac"
	Opus   Sound = "opus" // which WebRTC viewers can be sent
	Silent Sound = "none" // no track at all
)

// Sounds are all of them.
func Sounds() []Sound { return []Sound{AAC, Opus, Silent} }

// sound is what there is of a codec.
type sound struct {
	codec          media.Codec
	config         string
	samples, bytes int // of a frame
}

func opusSound() sound { return sound{media.CodecOpus, opusConfig, opusPacket, opusBytes} }

func aacSound() sound { return sound{media.CodecAAC, audioConfig, audioFrame, audioBytes} }

// block is a frame of sound.
func (s sound) block(t *media.Track, noise *rand.Rand) []byte {
	if s.codec == media.CodecOpus {
		return noisy(noise, 0xfc, s.bytes) // CELT, 20 ms, stereo
	}
	b := make([]byte, s.bytes)
	copy(b, bitstream.Silence(t))
	return b
}

func (s sound) perTurn() int { return int(turn/time.Second) * audioRate / s.samples }

// newWire lays the stream out in chunks of at most chunkSize bytes of payload.
func newWire(chunkSize int, of Sound) (*wire, error) {
	w := &wire{}
	meta := flv.Metadata{Width: 1280, Height: 720, FPS: frameRate, VideoBitrate: 2_520_000, Encoder: "weir load"}
	if of != Silent {
		meta.AudioBitrate = 128_000
	}
	w.head = appendChunks(w.head, dataChunks, 0, chunkSize, meta.Tag(true), 0)
	noise := rand.New(rand.NewPCG(1, 2))
	err := w.add(media.CodecH264, videoConfig, videoPerTurn, chunkSize, func(_ *media.Track, n int) ([]byte, media.Flags) {
		if n%groupSize == 0 {
			return nal(noise, 0x65, keyBytes), media.Key
		}
		return nal(noise, 0x41, interBytes), 0
	})
	if err == nil && of != Silent {
		err = w.addSound(of, chunkSize, noise)
	}
	slices.SortStableFunc(w.messages, func(a, b timed) int { return int(a.due - b.due) })
	return w, err
}

func track(codec media.Codec, config string, id media.TrackID) (*media.Track, error) {
	p, err := bitstream.Parse(codec, []byte(config), bitstream.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("configuration of the %s: %w", id, err)
	}
	return p.Track(id), nil
}

// nal is a slice's noise, with room for the time of sending.
func nal(noise *rand.Rand, first byte, size int) []byte {
	b := noisy(noise, first, size)
	copy(b[stampOffset:], stampMark)
	return b
}

// noisy is noise behind a first byte, without zeros, lest it should look like a start
// code.
func noisy(noise *rand.Rand, first byte, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(1 + noise.IntN(255))
	}
	b[0] = first
	return b
}

func (w *wire) addSound(of Sound, chunkSize int, noise *rand.Rand) error {
	var s sound
	switch of {
	case AAC, "":
		s = aacSound()
	case Opus:
		s = opusSound()
	default:
		return fmt.Errorf("no sound is called %q: one of %v", of, Sounds())
	}
	return w.add(s.codec, s.config, s.perTurn(), chunkSize, func(t *media.Track, _ int) ([]byte, media.Flags) {
		return s.block(t, noise), media.Key
	})
}

// add appends a track: its decoder configuration, and a turn's messages.
func (w *wire) add(codec media.Codec, config string, count, chunkSize int, unit func(t *media.Track, n int) ([]byte, media.Flags)) error {
	id := flv.AudioID
	if codec.Kind() == media.KindVideo {
		id = flv.VideoID
	}
	t, err := track(codec, config, id)
	if err != nil {
		return err
	}
	tag, err := flv.SequenceHeader(t, 0, 0)
	if err != nil {
		return fmt.Errorf("sequence header: %w", err)
	}
	w.head = appendChunks(w.head, chunksOf(tag), 0, chunkSize, tag, 0)
	at := func(n int) uint32 { return uint32((int64(n)*turn.Milliseconds() + int64(count)/2) / int64(count)) }
	before := at(count-1) - uint32(turn.Milliseconds()) // negative, as differences want it
	for n := range count {
		access, flags := unit(t, n)
		tag, err := flv.Mux(flv.Unit{Track: t, DTS: at(n), Flags: flags, Access: [][]byte{access}})
		if err != nil {
			return fmt.Errorf("tag: %w", err)
		}
		m := timed{
			due:   time.Duration(at(n)) * time.Millisecond,
			bytes: appendChunks(nil, chunksOf(tag), 1, chunkSize, tag, at(n)-before),
		}
		m.stamp = stampIn(m.bytes)
		w.messages = append(w.messages, m)
		before = at(n)
	}
	return nil
}

func chunksOf(t flv.Tag) byte {
	if t.Type == flv.Video {
		return videoChunks
	}
	return audioChunks
}

// appendChunks appends a message (RTMP 1.0 section 5.3): a chunk with a header of
// type form, which is 0 or 1, and as many of type 3 as it takes.
func appendChunks(b []byte, id, form byte, size int, t flv.Tag, timestamp uint32) []byte {
	b = append(b, form<<6|id, byte(timestamp>>16), byte(timestamp>>8), byte(timestamp))
	n := len(t.Payload)
	b = append(b, byte(n>>16), byte(n>>8), byte(n), byte(t.Type))
	if form == 0 {
		b = binary.LittleEndian.AppendUint32(b, messageStream)
	}
	for n, piece := range slices.Collect(slices.Chunk(t.Payload, size)) {
		if n > 0 {
			b = append(b, 3<<6|id)
		}
		b = append(b, piece...)
	}
	return b
}
