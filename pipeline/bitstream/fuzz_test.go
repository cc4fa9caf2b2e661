package bitstream

import (
	"bytes"
	"slices"
	"testing"

	"weir/pipeline/media"
)

func FuzzParse(f *testing.F) {
	f.Add(byte(media.CodecH264), unhex(f, avcConfig))
	f.Add(byte(media.CodecH264), sequence{widthMBs: 1024, heightMBs: 1024}.config())
	f.Add(byte(media.CodecH264), sequence{widthMBs: 120, heightMBs: 34, cropBottom: 2, interlaced: true}.config())
	f.Add(byte(media.CodecH265), hevcConfig(f))
	f.Add(byte(media.CodecAV1), unhex(f, av1Config))
	f.Add(byte(media.CodecAAC), unhex(f, aacConfig))
	f.Add(byte(media.CodecAAC), aacWithElements(8, 8, 8))
	f.Add(byte(media.CodecOpus), unhex(f, opusConfig))
	f.Add(byte(media.CodecVP9), unhex(f, "010000000029820202020000"))
	f.Fuzz(func(t *testing.T, codec byte, config []byte) {
		p, err := Parse(media.Codec(codec), config, Limits{})
		if err != nil {
			return
		}
		l := DefaultLimits()
		if p.Width > l.MaxWidth || p.Height > l.MaxHeight || p.FPS > l.MaxFPS || p.Channels > l.MaxChannels {
			t.Fatalf("beyond the limits: %+v", p)
		}
		sized := p.Codec.Kind() == media.KindVideo && p.Codec != media.CodecVP9 // vpcC has no size
		if sized && (p.Width < 1 || p.Height < 1 || p.Rate != media.VideoRate) {
			t.Fatalf("no picture: %+v", p)
		}
		if a := p.Traits().PixelAspect; a < 0 || a > 1<<16 {
			t.Fatalf("a pixel %g times as wide as high", a)
		}
		q, err := Parse(p.Codec, p.Config, Limits{})
		if err != nil || !bytes.Equal(q.Config, p.Config) || q.name != p.name || q.Layer().Width != p.Width {
			t.Fatalf("canonical form %x is read as %+v, %v", p.Config, q, err)
		}
		if sets := p.ParameterSets(); len(sets) > 0 {
			if q, err = FromSets(p.Codec, sets, Limits{}); err != nil || !bytes.Equal(q.Config, p.Config) {
				t.Fatalf("sets %x make %+v, %v", sets, q, err)
			}
		}
	})
}

func FuzzSplit(f *testing.F) {
	avc := mustParse(f, media.CodecH264, unhex(f, avcConfig))
	all := []*Params{
		avc, mustParse(f, media.CodecH265, hevcConfig(f)), mustParse(f, media.CodecAV1, unhex(f, av1Config)),
		mustParse(f, media.CodecOpus, unhex(f, opusConfig)),
	}
	huge := sequence{widthMBs: 1024, heightMBs: 1024}.sps()
	f.Add(byte(0), JoinAVCC([][]byte{avc.sets.sps[0], avc.sets.pps[0], {0x65, 0x88, 0x84, 0x21}, {}}))
	f.Add(byte(0), JoinAVCC([][]byte{huge, {0x65, 0x88, 0x84}}))
	f.Add(byte(0), []byte{0, 0, 0, 9, 0x65, 1})
	f.Add(byte(0), make([]byte, 64))
	f.Add(byte(0), JoinAVCC([][]byte{{6, 6, 1, 0x84, 0x80}, {0x41, 0x9A, 1}}))
	f.Add(byte(1), JoinAVCC([][]byte{{0x46, 1, 0x50}, {0x26, 1, 0xAF, 0x06}, unhex(f, hevcSPS)}))
	f.Add(byte(1), JoinAVCC([][]byte{{0x02, 1, 0xD0, 0x06, 0x40}}))
	f.Add(byte(2), JoinOBUs([][]byte{{0x10}, unhex(f, "08000000043cfeccfbf90040"), {0x30, 0x10, 0}, {0x34, 0x20, 0x30}}))
	f.Add(byte(3), []byte{0xFC, 1, 2})
	f.Fuzz(func(t *testing.T, which byte, payload []byte) {
		p := all[int(which)%len(all)]
		size := len(payload)
		au, err := p.Split(slices.Clone(payload))
		if err != nil {
			return
		}
		if au.Params != nil {
			p = au.Params
		}
		checkNormal(t, p, au, size)
		if OpenGOP(p.Codec, au.Access) && p.Codec == media.CodecH264 && au.Flags.Has(media.Key) {
			t.Fatalf("%x is clean", au.Access)
		}
		joined, err := Append(nil, p.Codec, au.Access)
		if err != nil {
			t.Fatal(err)
		}
		q := *p
		q.lengthSize = 4
		again, err := q.Split(joined)
		if err != nil || again.Params != nil || again.Flags != au.Flags ||
			!slices.EqualFunc(again.Access, au.Access, bytes.Equal) {
			t.Fatalf("%x %v becomes %x %v, %v", au.Access, au.Flags, again.Access, again.Flags, err)
		}
		d := NewDTS(p)
		last := media.Ticks(-1 << 62)
		for pts := range media.Ticks(4) {
			if dts, err := d.Next(au.Access, pts*3000); err == nil {
				if dts > pts*3000 || dts <= last {
					t.Fatalf("DTS %d after %d at PTS %d", dts, last, pts*3000)
				}
				last = dts
			}
		}
	})
}

// checkNormal asserts what media.Unit.Access promises.
func checkNormal(t *testing.T, p *Params, au AU, size int) {
	t.Helper()
	total := 0
	for _, b := range au.Access {
		if len(b) == 0 {
			t.Fatal("empty unit")
		}
		total += len(b)
		if p.Codec == media.CodecAV1 {
			if typ := obuType(b); b[0]&2 != 0 || typ == obuTemporalDelimiter || typ == obuPadding {
				t.Fatalf("OBU %x", b)
			}
		} else if p.Codec.Kind() == media.KindVideo {
			if r := p.role(b); r == roleDrop || r.set() {
				t.Fatalf("NAL unit %x of role %d", b, r)
			}
		}
	}
	// Only a sequence header may have been added.
	if total > size+maxSet {
		t.Fatalf("%d bytes out of %d", total, size)
	}
	if len(au.Access) == 0 && au.Flags.Has(media.Key) {
		t.Fatal("a key unit without content")
	}
}

func FuzzStreams(f *testing.F) {
	f.Add(JoinAnnexB([][]byte{{0x67, 1, 2}, {0x65, 0, 0, 3, 1}}))
	adts, _ := AppendADTS(nil, []byte{0x11, 0x90}, []byte{1, 2, 3})
	f.Add(adts)
	f.Fuzz(func(t *testing.T, b []byte) {
		if nals, err := SplitAnnexB(b); err == nil {
			again, err := SplitAnnexB(JoinAnnexB(nals))
			if err != nil || !slices.EqualFunc(again, nals, bytes.Equal) {
				t.Fatalf("%x becomes %x, %v", nals, again, err)
			}
		}
		config, frames, err := SplitADTS(b)
		if err != nil || len(frames) == 0 {
			return
		}
		if _, err := Parse(media.CodecAAC, config, Limits{}); err != nil {
			t.Fatalf("configuration %x: %v", config, err)
		}
	})
}
