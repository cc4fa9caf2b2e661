package flv

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"weir/pipeline/bitstream"
)

func script(t *testing.T, payload []byte) (*Metadata, error) {
	t.Helper()
	r, err := NewDemuxer(bitstream.Limits{}).Demux(Tag{Type: Script, Payload: payload})
	return r.Metadata, err
}

func amfName(s string) []byte { return appendAMFString([]byte{amfText}, s) }

func TestMetadata(t *testing.T) {
	want := Metadata{
		Width: 1920, Height: 1080, FPS: 29.97, VideoBitrate: 2_500_000, AudioBitrate: 160_000,
		Duration: 6.02, Encoder: "obs-output module",
	}
	for _, dataFrame := range []bool{false, true} {
		if got, err := script(t, want.Tag(dataFrame).Payload); err != nil || *got != want {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	// Values of all types around one that counts, and the same name further down.
	inner := slices.Concat(appendAMFString(nil, "width"), appendAMFNumber(nil, "", 7)[2:])
	object := slices.Concat([]byte{amfObject},
		appendAMFString(nil, "a"), []byte{amfBoolean, 1},
		appendAMFString(nil, "b"), []byte{amfNull},
		appendAMFString(nil, "c"), []byte{amfStrictArray, 0, 0, 0, 2, amfUndefined, amfObject}, inner, []byte{0, 0, amfObjectEnd},
		appendAMFString(nil, "d"), []byte{amfDate, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		appendAMFString(nil, "e"), []byte{amfLongString, 0, 0, 0, 1, 'x'},
		appendAMFString(nil, "f"), []byte{amfTypedObject, 0, 1, 'T'}, inner, []byte{0, 0, amfObjectEnd},
		appendAMFString(nil, "g"), []byte{amfReference, 0, 1},
		appendAMFNumber(nil, "height", 720),
		[]byte{0, 0, amfObjectEnd})
	if got, err := script(t, append(amfName("onMetaData"), object...)); err != nil || *got != (Metadata{Height: 720}) {
		t.Errorf("got %+v, %v", got, err)
	}
	// Nonsense is no hint.
	nonsense := slices.Concat(amfName("onMetaData"), []byte{amfObject},
		appendAMFNumber(nil, "width", -1), appendAMFNumber(nil, "framerate", 1e300),
		appendAMFNumber(nil, "videodatarate", -5), []byte{0, 0, amfObjectEnd})
	if got, err := script(t, nonsense); err != nil || *got != (Metadata{}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, payload := range map[string][]byte{
		"empty": nil, "other message": amfName("onTextData"), "no value": amfName("onMetaData"), "number": {0, 1},
	} {
		if got, err := script(t, payload); got != nil || err != nil {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestMetadataBounds(t *testing.T) {
	nest := func(n int, open ...byte) []byte { return append(amfName("onMetaData"), bytes.Repeat(open, n)...) }
	for name, payload := range map[string][]byte{
		"objects nested 100,000 deep": nest(100_000, amfObject, 0, 1, 'a'),
		"arrays nested 100,000 deep":  nest(100_000, amfStrictArray, 0, 0, 0, 1),
		"2^31 elements":               append(amfName("onMetaData"), amfStrictArray, 0x7F, 0xFF, 0xFF, 0xFF),
		"5,000 values": slices.Concat(amfName("onMetaData"), []byte{amfObject},
			bytes.Repeat([]byte{0, 1, 'a', amfNull}, 5000), []byte{0, 0, amfObjectEnd}),
		"long string of 1 GiB": append(amfName("onMetaData"), amfLongString, 0x40, 0, 0, 0),
		"cut":                  append(amfName("onMetaData"), amfObject, 0, 5, 'w'),
		"unknown type":         append(amfName("onMetaData"), 99),
		"too long":             make([]byte, maxScript+1),
	} {
		if got, err := script(t, payload); !errors.Is(err, bitstream.ErrMalformed) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}
