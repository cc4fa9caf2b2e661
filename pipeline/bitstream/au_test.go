package bitstream

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"weir/pipeline/media"
)

func mustParse(t testing.TB, c media.Codec, config []byte) *Params {
	t.Helper()
	p, err := Parse(c, config, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSplitNALs(t *testing.T) {
	avc, hvc := mustParse(t, media.CodecH264, unhex(t, avcConfig)), mustParse(t, media.CodecH265, hevcConfig(t))
	sps, pps := avc.sets.sps[0], avc.sets.pps[0]
	idr, p, b, sei := []byte{0x65, 1, 2}, []byte{0x41, 3}, []byte{0x01, 4}, []byte{6, 5, 0x80}
	for _, c := range []struct {
		name  string
		p     *Params
		in    [][]byte
		want  [][]byte
		flags media.Flags
	}{
		{"IDR", avc, [][]byte{{9, 0xF0}, sps, pps, sei, idr}, [][]byte{sei, idr}, media.Key | media.FrameEnd},
		{"P", avc, [][]byte{p}, [][]byte{p}, media.FrameEnd},
		{"B", avc, [][]byte{b, b}, [][]byte{b, b}, media.FrameEnd | media.Droppable},
		{"recovery point", avc, [][]byte{{6, 6, 1, 0xC4, 0x80}, p}, [][]byte{{6, 6, 1, 0xC4, 0x80}, p}, media.FrameEnd},
		{"zero length", avc, [][]byte{{}, p, {}, {}}, [][]byte{p}, media.FrameEnd},
		{"filler", avc, [][]byte{p, {12, 0xFF, 0xFF}}, [][]byte{p}, media.FrameEnd},
		{"no picture", avc, [][]byte{sps, pps, sei}, nil, media.FrameEnd},
		{"nothing", avc, nil, nil, media.FrameEnd},
		{"H.265 IDR", hvc, [][]byte{{0x46, 1, 0x10}, {38, 1, 7}}, [][]byte{{38, 1, 7}}, media.Key | media.FrameEnd},
		{"H.265 CRA", hvc, [][]byte{{42, 1, 7}}, [][]byte{{42, 1, 7}}, media.Key | media.FrameEnd},
		{"H.265 TRAIL_R", hvc, [][]byte{{2, 1, 7}}, [][]byte{{2, 1, 7}}, media.FrameEnd},
		{"H.265 TRAIL_N", hvc, [][]byte{{0, 1, 7}}, [][]byte{{0, 1, 7}}, media.FrameEnd | media.Droppable},
		{"H.265 one byte", hvc, [][]byte{{2}, {2, 1, 7}}, [][]byte{{2, 1, 7}}, media.FrameEnd},
	} {
		t.Run(c.name, func(t *testing.T) {
			au, err := c.p.Split(JoinAVCC(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(au.Access, c.want, bytes.Equal) || au.Flags != c.flags || au.Params != nil {
				t.Errorf("got %x %v %v, want %x %v", au.Access, au.Flags, au.Params, c.want, c.flags)
			}
			if got := FlagsOf(c.p.Codec, au.Access); got&^media.Droppable != c.flags&^media.Droppable {
				t.Errorf("flags of the unit %v", got)
			}
		})
	}
}

func TestSplitMalformed(t *testing.T) {
	avc := mustParse(t, media.CodecH264, unhex(t, avcConfig))
	for name, payload := range map[string][]byte{
		"length cut":   {0, 0, 0},
		"NAL cut":      {0, 0, 0, 3, 0x65, 1},
		"4 GiB":        {0xFF, 0xFF, 0xFF, 0xFF, 0x65},
		"too many":     bytes.Repeat([]byte{0, 0, 0, 1, 0x41}, MaxNALs+1),
		"long SPS":     JoinAVCC([][]byte{append([]byte{0x67}, make([]byte, maxSet)...), {0x65, 1}}),
		"broken SPS":   JoinAVCC([][]byte{{0x67, 1, 2}, {0x65, 1}}),
		"far too long": make([]byte, MaxUnit+1),
	} {
		if au, err := avc.Split(payload); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %+v, %v", name, au, err)
		}
	}
	// A hundred thousand empty units cost nothing and are no error.
	if au, err := avc.Split(make([]byte, 400_000)); err != nil || au.Access != nil {
		t.Errorf("empty units: got %+v, %v", au, err)
	}
}

func TestParameterSetsInBand(t *testing.T) {
	avc := mustParse(t, media.CodecH264, unhex(t, avcConfig))
	idr, p := []byte{0x65, 1}, []byte{0x41, 1}
	sps := sequence{widthMBs: 80, heightMBs: 45}.sps()
	pps0, pps1 := []byte{0x68, 0xCE, 0x3C, 0x80}, []byte{0x68, 0x5A, 0x3C, 0x80} // numbers 0 and 1

	split := func(nals ...[]byte) *Params {
		t.Helper()
		au, err := avc.Split(JoinAVCC(nals))
		if err != nil {
			t.Fatal(err)
		}
		return au.Params
	}
	if q := split(sps, pps0, idr); q == nil || q.Width != 1280 || q.Height != 720 || len(q.sets.pps) != 1 {
		t.Errorf("new SPS and PPS: %+v", q)
	}
	if q := split(sps, pps0); q == nil || q.Width != 1280 {
		t.Errorf("ahead of their picture: %+v", q)
	}
	if q := split(sps, idr); q == nil || !bytes.Equal(q.sets.pps[0], avc.sets.pps[0]) {
		t.Errorf("new SPS alone keeps the PPS: %+v", q)
	}
	if q := split(sps, p); q != nil {
		t.Errorf("an SPS cannot be activated here: %+v", q)
	}
	if q := split(pps0, p); q == nil || len(q.sets.pps) != 1 || !bytes.Equal(q.sets.pps[0], pps0) {
		t.Errorf("PPS of the same number: %+v", q)
	}
	if q := split(pps1, p); q == nil || len(q.sets.pps) != 2 || q.Width != 320 {
		t.Errorf("PPS of another number: %+v", q)
	}
	var limit *LimitError
	if _, err := avc.Split(JoinAVCC([][]byte{sequence{widthMBs: 1024, heightMBs: 1024}.sps(), idr})); !errors.As(err, &limit) {
		t.Errorf("16k in band: %v", err)
	}
}

// A configuration must not keep the payload alive that it came in.
func TestConfigurationIsOwned(t *testing.T) {
	config := unhex(t, avcConfig)
	p := mustParse(t, media.CodecH264, config)
	want := bytes.Clone(p.Config)
	clear(config)
	if !bytes.Equal(p.Config, want) || p.sets.sps[0][0] != 0x67 {
		t.Error("the configuration shares the caller's bytes")
	}
}

func TestSplitOBUs(t *testing.T) {
	p := mustParse(t, media.CodecAV1, unhex(t, av1Config))
	header := p.sets.sps[0]
	key, inter := []byte{0x30, 0x10, 7, 8}, []byte{0x30, 0x30, 9}
	layered := []byte{0x34, 0x20, 0x30, 5}
	for _, c := range []struct {
		name  string
		in    [][]byte
		want  [][]byte
		flags media.Flags
	}{
		{"key", [][]byte{{0x10}, header, key}, [][]byte{header, key}, media.Key | media.FrameEnd},
		{"key without header", [][]byte{{0x10}, key}, [][]byte{header, key}, media.Key | media.FrameEnd},
		{"inter", [][]byte{{0x10}, inter}, [][]byte{inter}, media.FrameEnd},
		{"padding", [][]byte{inter, {0x78, 0, 0}}, [][]byte{inter}, media.FrameEnd},
		{"extension", [][]byte{layered}, [][]byte{layered}, media.FrameEnd},
		{"hidden key", [][]byte{{0x30, 0x00, 1}}, [][]byte{{0x30, 0x00, 1}}, media.FrameEnd},
		{"no picture", [][]byte{{0x10}, header}, nil, media.FrameEnd},
	} {
		t.Run(c.name, func(t *testing.T) {
			au, err := p.Split(JoinOBUs(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(au.Access, c.want, bytes.Equal) || au.Flags != c.flags || au.Params != nil {
				t.Errorf("got %x %v, want %x %v", au.Access, au.Flags, c.want, c.flags)
			}
		})
	}
}

func TestSplitOBUsLong(t *testing.T) {
	// Sizes of 1, 2 and 3 bytes; the last unit has none.
	a, b := append([]byte{0x30}, make([]byte, 127)...), append([]byte{0x34, 8}, bytes.Repeat([]byte{5}, 128)...)
	c, d := append([]byte{0x30}, bytes.Repeat([]byte{6}, 20_000)...), []byte{0x30, 1, 2}
	got, err := SplitOBUs(append(JoinOBUs([][]byte{a, b, c}), d...))
	if err != nil || !slices.EqualFunc(got, [][]byte{a, b, c, d}, bytes.Equal) {
		t.Errorf("got %d OBUs, %v", len(got), err)
	}
	for name, tu := range map[string][]byte{
		"forbidden bit": {0x80},
		"cut":           {0x32, 5, 1},
		"size cut":      {0x32, 0x80},
		"size too long": {0x32, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00},
		"header cut":    {0x36},
		"too many":      bytes.Repeat([]byte{0x12, 0}, MaxNALs+1),
	} {
		if got, err := SplitOBUs(tu); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %x, %v", name, got, err)
		}
	}
}

func TestAV1SequenceHeaderInBand(t *testing.T) {
	p := mustParse(t, media.CodecAV1, unhex(t, av1Config))
	other := unhex(t, "08000000043cfeccfbf90040") // SVT-AV1, 320×184
	au, err := p.Split(JoinOBUs([][]byte{other, {0x30, 0x10}}))
	if err != nil {
		t.Fatal(err)
	}
	if au.Params == nil || !bytes.Equal(au.Params.sets.sps[0], other) || !au.Flags.Has(media.Key) {
		t.Errorf("got %+v", au)
	}
}

func TestAnnexB(t *testing.T) {
	a, b := []byte{0x67, 1, 2}, []byte{0x65, 0, 0, 3, 1}
	want := [][]byte{a, b}
	for name, stream := range map[string][]byte{
		"4 byte codes":   JoinAnnexB(want),
		"3 byte codes":   slices.Concat([]byte{0, 0, 1}, a, []byte{0, 0, 1}, b),
		"zeros at end":   append(JoinAnnexB(want), 0, 0, 0),
		"zeros in front": append([]byte{0, 0, 0, 0}, JoinAnnexB(want)...),
		"empty unit":     append(JoinAnnexB(want), 0, 0, 1),
	} {
		got, err := SplitAnnexB(stream)
		if err != nil || !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%s: got %x, %v", name, got, err)
		}
	}
	for name, stream := range map[string][]byte{
		"garbage in front": append([]byte{7}, JoinAnnexB(want)...),
		"no start code":    a,
		"too many":         bytes.Repeat([]byte{0, 0, 1, 9}, MaxNALs+1),
	} {
		if got, err := SplitAnnexB(stream); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %x, %v", name, got, err)
		}
	}
	if got, err := SplitAnnexB(nil); got != nil || err != nil {
		t.Errorf("empty: got %x, %v", got, err)
	}
}

func TestSplitAllocates(t *testing.T) {
	avc := mustParse(t, media.CodecH264, unhex(t, avcConfig))
	payload := JoinAVCC([][]byte{{6, 5, 0x80}, append([]byte{0x41}, make([]byte, 5000)...)})
	if n := testing.AllocsPerRun(100, func() { _, _ = avc.Split(payload) }); n > 1 {
		t.Errorf("%.0f allocations a unit", n)
	}
}

func BenchmarkSplit(b *testing.B) {
	avc := mustParse(b, media.CodecH264, unhex(b, avcConfig))
	payload := JoinAVCC([][]byte{avc.sets.sps[0], avc.sets.pps[0], {6, 5, 0x80}, append([]byte{0x65}, make([]byte, 20_000)...)})
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := avc.Split(payload); err != nil {
			b.Fatal(err)
		}
	}
}
