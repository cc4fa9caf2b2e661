package rtmpd

import (
	"bytes"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

func TestAMFRoundTrip(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	want := []any{
		"onMetaData", 1.5, true, false, nil, long,
		Object{{"a", 1.0}, {"a", "twice"}, {"o", Object{}}},
		[]any{"x", []any{}, nil},
	}
	got, err := DecodeAMF0(appendAMF0(nil, want...))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if v := want[6].(Object).Get("a"); v != 1.0 {
		t.Errorf("Get: %v", v)
	}
}

func TestDecodeAMF0(t *testing.T) {
	nested := func(marker string, n int) []byte { return []byte(strings.Repeat(marker, n)) }
	tests := []struct {
		name string
		in   []byte
		want []any
		err  string
	}{
		{name: "nothing"},
		{name: "undefined and unsupported", in: []byte{amfUndefined, amfUnsupported}, want: []any{nil, nil}},
		{name: "reference", in: []byte{amfReference, 0, 1}, want: []any{nil}},
		{name: "date", in: cat([]byte{amfDate}, appendAMF0(nil, 2.0)[1:], "\x00\x00"), want: []any{2.0}},
		{name: "long string", in: []byte("\x0c\x00\x00\x00\x02hi"), want: []any{"hi"}},
		{name: "XML", in: []byte("\x0f\x00\x00\x00\x02hi"), want: []any{"hi"}},
		{name: "ECMA array", in: []byte("\x08\xff\xff\xff\xff\x00\x01a\x05\x00\x00\x09"), want: []any{Object{{"a", nil}}}},
		{name: "typed object", in: []byte("\x10\x00\x01T\x00\x01a\x05\x00\x00\x09"), want: []any{Object{{"a", nil}}}},
		{name: "strict array", in: []byte("\x0a\x00\x00\x00\x02\x05\x01\x01"), want: []any{[]any{nil, true}}},
		{name: "strict array of 2^31", in: []byte("\x0a\x7f\xff\xff\xff\x05"), err: "AMF value 0: unexpected EOF"},
		{name: "too many values", in: bytes.Repeat([]byte{amfNull}, 4097), err: "AMF value 4096: more than 4096 values"},
		{name: "too deep", in: nested("\x03\x00\x01a", 40), err: "AMF value 0: values nest deeper than 32"},
		{name: "too deep arrays", in: nested("\x0a\x00\x00\x00\x01", 40), err: "AMF value 0: values nest deeper than 32"},
		{name: "string that claims more", in: []byte("\x02\xff\xffhi"), err: "AMF value 0: unexpected EOF"},
		{name: "long string that claims 4 GB", in: []byte("\x0c\xff\xff\xff\xffhi"), err: "AMF value 0: unexpected EOF"},
		{name: "cut number", in: []byte{amfNumber, 0}, err: "AMF value 0: unexpected EOF"},
		{name: "object without an end", in: []byte("\x03\x00\x00\x05"), err: "AMF value 0: object without an end"},
		{name: "AMF 3", in: []byte{0x11}, err: "AMF value 0: marker 0x11 is not supported"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := DecodeAMF0(tt.in)
			if text := errText(err); text != tt.err {
				t.Errorf("error %q, want %q", text, tt.err)
			}
			if tt.err == "" && !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %#v, want %#v", got, tt.want)
			}
		})
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// FuzzAMF: no input makes the decoder panic or allocate out of proportion, and
// what it decodes survives a round trip.
func FuzzAMF(f *testing.F) {
	f.Add(appendAMF0(nil, "connect", 1, Object{{"app", "live"}, {"fourCcList", []any{"hvc1", "av01"}}}))
	f.Add(appendAMF0(nil, "@setDataFrame", "onMetaData", Object{{"width", 1280}, {"stereo", true}}))
	f.Add([]byte("\x0a\x7f\xff\xff\xff\x05"))
	f.Add([]byte(strings.Repeat("\x03\x00\x01a", 40)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 64<<10 {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		vs, err := DecodeAMF0(b)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > uint64(8<<20+64*len(b)) {
			t.Errorf("%d bytes allocated for %d", n, len(b))
		}
		if err != nil {
			return
		}
		again, err := DecodeAMF0(appendAMF0(nil, vs...))
		if err != nil || len(again) != len(vs) {
			t.Errorf("round trip: %v", err)
		}
	})
}
