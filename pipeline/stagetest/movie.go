package stagetest

import (
	"time"

	"weir/pipeline/media"
)

// VideoTrack is an H.264 track of 640x360 at 30 frames a second.
func VideoTrack() *media.Track {
	return &media.Track{
		ID: "video", Codec: media.CodecH264, Form: media.FormAccess, Rate: media.VideoRate,
		Layers: []media.Layer{{Width: 640, Height: 360, FPS: 30}},
		Config: []byte{
			0x01, 0x64, 0x00, 0x1e, 0xff, 0xe1, // avcC: High, level 3.0, 4-byte lengths, one SPS
			0x00, 0x1a,
			0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00,
			0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2d, 0x96,
			0x01, 0x00, 0x06, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0, // one PPS
			0xfd, 0xf8, 0xf8, 0x00, // 4:2:0, 8 bit
		},
	}
}

// AudioTrack is a stereo AAC-LC track at 48 kHz.
func AudioTrack() *media.Track {
	return &media.Track{
		ID: "audio", Codec: media.CodecAAC, Form: media.FormAccess, Rate: 48_000, Channels: 2,
		Config: []byte{0x11, 0x90}, // ISO/IEC 14496-3 section 1.6.2.1
	}
}

// Movie makes d of synthetic media on the given tracks, interleaved by decoding
// time from the epoch on: video at 30 frames a second with a key unit every second,
// audio in frames of 1024 samples. The payloads have the shape of their codec and
// cannot be decoded.
func Movie(set *media.TrackSet, d time.Duration) []media.Item {
	return MovieFrom(set, 0, d)
}

// MovieFrom is Movie from another time on.
func MovieFrom(set *media.TrackSet, from, d time.Duration) []media.Item {
	items := []media.Item{set}
	next := make([]int64, len(set.Tracks))
	for {
		first := -1
		var at time.Duration
		for i, t := range set.Tracks {
			if end := t.Rate.Duration(ticks(t, next[i])); first < 0 || end < at {
				first, at = i, end
			}
		}
		if first < 0 || at >= d {
			return items
		}
		items = append(items, unit(set.Tracks[first], next[first], from))
		next[first]++
	}
}

// ticks is when frame n of t starts.
func ticks(t *media.Track, n int64) media.Ticks {
	if t.Kind() == media.KindVideo {
		return media.Ticks(n * int64(t.Rate) / 30)
	}
	return media.Ticks(n * 1024)
}

func unit(t *media.Track, n int64, from time.Duration) *media.Unit {
	at := t.Rate.Ticks(from) + ticks(t, n)
	u := &media.Unit{Track: t, PTS: at, DTS: at, Arrived: time.Now(), Flags: media.FrameEnd}
	switch {
	case t.Kind() == media.KindAudio:
		u.Flags |= media.Key
		u.Access = [][]byte{{0x21, 0x10, byte(n >> 8), byte(n), 0x1c}}
	case n%30 == 0:
		u.Flags |= media.Key
		u.Access = [][]byte{{0x65, 0x88, byte(n >> 8), byte(n), 0x80}} // IDR slice
	default:
		u.Access = [][]byte{{0x41, 0x9a, byte(n >> 8), byte(n), 0x80}} // non-IDR slice
	}
	if t.Form == media.FormRTP { // each of them fits a packet as it is
		u.RTP = &media.RTP{Marker: true, Sequence: uint16(n), Timestamp: uint32(at), Payload: u.Access[0]}
		u.Access = nil
	}
	return u
}

// Both is a set of one video and one audio track.
func Both() *media.TrackSet {
	return &media.TrackSet{Version: 1, Tracks: []*media.Track{VideoTrack(), AudioTrack()}}
}
