package rtp

import (
	"testing"

	"weir/pipeline/media"
)

func TestPeek(t *testing.T) {
	mark := func(temporal, spatial int8, flags string) Mark {
		m := Mark{Temporal: temporal, Spatial: spatial}
		for _, f := range flags {
			m.Key = m.Key || f == 'k'
			m.Start = m.Start || f == 's'
			m.Droppable = m.Droppable || f == 'd'
		}
		return m
	}
	for _, c := range []struct {
		codec         media.Codec
		name, payload string
		want          Mark
	}{
		{media.CodecH264, "SPS", "67420000", mark(-1, -1, "ks")},
		{media.CodecH264, "PPS", "68ce3c80", mark(-1, -1, "s")},
		{media.CodecH264, "delimiter", "09f0", mark(-1, -1, "s")},
		{media.CodecH264, "SEI", "060501118000", mark(-1, -1, "s")},
		{media.CodecH264, "first IDR slice", "6588", mark(-1, -1, "ks")},
		{media.CodecH264, "second IDR slice", "6508", mark(-1, -1, "")},
		{media.CodecH264, "reference slice", "419a", mark(-1, -1, "s")},
		{media.CodecH264, "other slice", "019a", mark(-1, -1, "sd")},
		{media.CodecH264, "STAP-A of SPS and PPS", "780003674200000368ce3c", mark(-1, -1, "ks")},
		{media.CodecH264, "STAP-A of SEI and IDR", "78000206050002658800", mark(-1, -1, "ks")},
		{media.CodecH264, "STAP-A of two slices", "180002018800020108", mark(-1, -1, "sd")},
		{media.CodecH264, "STAP-A cut off", "78000967", mark(-1, -1, "")},
		{media.CodecH264, "FU-A, first", "7c8588", mark(-1, -1, "ks")},
		{media.CodecH264, "FU-A, next", "7c0588", mark(-1, -1, "")},
		{media.CodecH264, "FU-A, other slice", "1c0188", mark(-1, -1, "d")},
		{media.CodecH264, "FU-A cut off", "7c", mark(-1, -1, "")},
		{media.CodecH264, "filler", "0cff", mark(-1, -1, "")},
		{media.CodecH265, "VPS", "40010c", mark(0, -1, "ks")},
		{media.CodecH265, "PPS", "4401c1", mark(0, -1, "s")},
		{media.CodecH265, "IDR", "2601af", mark(0, -1, "ks")},
		{media.CodecH265, "CRA, second slice", "2a012f", mark(0, -1, "")},
		{media.CodecH265, "slice of the third sub-layer", "0203d0", mark(2, -1, "s")},
		{media.CodecH265, "AP of VPS and SPS", "6001000340010c0003420101", mark(0, -1, "ks")},
		{media.CodecH265, "FU, first", "620193af", mark(0, -1, "ks")},
		{media.CodecH265, "FU, next", "620113af", mark(0, -1, "")},
		{media.CodecH265, "cut off", "4001", mark(-1, -1, "")},
		{media.CodecVP8, "key", "1000", mark(-1, -1, "ks")},
		{media.CodecVP8, "key, next packet", "0000", mark(-1, -1, "")},
		{media.CodecVP8, "second partition", "1100", mark(-1, -1, "")},
		{media.CodecVP8, "inter", "1001", mark(-1, -1, "s")},
		{media.CodecVP8, "discardable", "3001", mark(-1, -1, "sd")},
		{media.CodecVP8, "libwebrtc, second temporal layer", "b0f0812c055011", mark(1, -1, "sd")},
		{media.CodecVP8, "cut off", "90f081", mark(-1, -1, "")},
		{media.CodecVP9, "key", "8c800182498342", mark(-1, -1, "ks")},
		{media.CodecVP9, "key by the descriptor only", "8c800186", mark(-1, -1, "s")},
		{media.CodecVP9, "inter", "cc800186", mark(-1, -1, "s")},
		{media.CodecVP9, "flexible, two references", "dc8001030286", mark(-1, -1, "s")},
		{media.CodecVP9, "second spatial layer of a key picture", "ac8001020086", mark(0, 1, "")},
		{media.CodecVP9, "temporal layer", "ec8001500086", mark(2, 0, "s")},
		{media.CodecVP9, "key with a structure", "8e800118028001680100" + "82498342", mark(-1, -1, "ks")},
		{media.CodecVP9, "structure cut off", "8e8001f8", mark(-1, -1, "")},
		{media.CodecAV1, "sequence header", "280c08000000043cfeccdaf900403010", mark(-1, -1, "ks")},
		{media.CodecAV1, "N without a sequence header", "183010", mark(-1, -1, "ks")},
		{media.CodecAV1, "frame", "103030", mark(-1, -1, "s")},
		{media.CodecAV1, "tile group", "102030", mark(-1, -1, "")},
		{media.CodecAV1, "goes on", "903010", mark(-1, -1, "")},
		{media.CodecAV1, "layers", "10344830", mark(2, 1, "s")},
		{media.CodecAV1, "lengths", "0003304830", mark(-1, -1, "s")},
		{media.CodecAV1, "empty", "10", mark(-1, -1, "")},
		{media.CodecOpus, "any", "fc", mark(-1, -1, "ks")},
		{media.CodecAAC, "no format", "21", mark(-1, -1, "")},
		{media.CodecH264, "nothing", "", mark(-1, -1, "")},
	} {
		b := unhex(t, c.payload)
		if got := Peek(c.codec, b); got != c.want {
			t.Errorf("%v, %s: %+v, want %+v", c.codec, c.name, got, c.want)
		}
		if KeyStart(c.codec, b) != c.want.Key || FrameStart(c.codec, b) != c.want.Start {
			t.Errorf("%v, %s: KeyStart or FrameStart", c.codec, c.name)
		}
	}
}

// Late packets and other senders.
func TestInspectorOrder(t *testing.T) {
	key, next := []byte{0x67, 0x42}, []byte{0x41, 0x9A}
	i := NewInspector(media.CodecH264)
	for n, c := range []struct {
		packet media.RTP
		want   media.Flags
	}{
		{media.RTP{Sequence: 65535, Timestamp: 1, Payload: key}, media.Key},
		{media.RTP{Sequence: 0, Timestamp: 1, Payload: key, Marker: true}, media.FrameEnd},
		{media.RTP{Sequence: 3, Timestamp: 3, Payload: key}, media.Key | media.Gap},
		{media.RTP{Sequence: 2, Timestamp: 2, Payload: key}, 0},
		{media.RTP{Sequence: 4, Timestamp: 3, Payload: next, Marker: true}, media.FrameEnd},
		{media.RTP{Sequence: 4, Timestamp: 3, Payload: key, SSRC: 1}, media.Key | media.Discontinuity},
		{media.RTP{Sequence: 5, Timestamp: 4, SSRC: 1}, 0},
	} {
		if got := i.Flags(&c.packet); got != c.want {
			t.Errorf("packet %d: %v, want %v", n, got, c.want)
		}
	}
}
