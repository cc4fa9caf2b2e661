package rtp

import (
	"bytes"
	"slices"
	"testing"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
)

// Packets are made of fuzzed bytes so: a byte of flags, two of length, and as many of
// payload as there are.
const (
	fuzzMarker  = 1 << iota
	fuzzNext    // another timestamp
	fuzzHole    // a packet is missing before it
	fuzzSSRC    // another sender
	fuzzDiscont // and it says so
)

func fuzzPackets(data []byte) []*media.Unit {
	var out []*media.Unit
	var seq uint16
	var stamp, ssrc uint32
	for len(data) > 3 && len(out) < 200 {
		flags, n := data[0], int(data[1])<<8|int(data[2])
		n = min(n, len(data)-3)
		u := &media.Unit{RTP: &media.RTP{Payload: data[3 : 3+n : 3+n], Marker: flags&fuzzMarker != 0}}
		data = data[3+n:]
		if flags&fuzzNext != 0 {
			stamp += 3000
		}
		if flags&fuzzHole != 0 {
			seq++
		}
		if flags&fuzzSSRC != 0 {
			ssrc++
		}
		if flags&fuzzDiscont != 0 {
			u.Flags |= media.Discontinuity
		}
		u.RTP.Sequence, u.RTP.Timestamp, u.RTP.SSRC, u.PTS = seq, stamp, ssrc, media.Ticks(stamp)
		seq++
		out = append(out, u)
	}
	return out
}

// fuzzed is the opposite of fuzzPackets, for seeds.
func fuzzed(packets []*media.Unit) []byte {
	var out []byte
	for i, p := range packets {
		flags := byte(0)
		if p.RTP.Marker {
			flags = fuzzMarker
		}
		if i > 0 && p.RTP.Timestamp != packets[i-1].RTP.Timestamp {
			flags |= fuzzNext
		}
		n := len(p.RTP.Payload)
		out = append(append(out, flags, byte(n>>8), byte(n)), p.RTP.Payload...)
	}
	return out
}

func FuzzDepacketizeH264(f *testing.F) { fuzzDepacketize(f, media.CodecH264) }
func FuzzDepacketizeH265(f *testing.F) { fuzzDepacketize(f, media.CodecH265) }
func FuzzDepacketizeAV1(f *testing.F)  { fuzzDepacketize(f, media.CodecAV1) }
func FuzzDepacketizeVP8(f *testing.F)  { fuzzDepacketize(f, media.CodecVP8) }
func FuzzDepacketizeVP9(f *testing.F)  { fuzzDepacketize(f, media.CodecVP9) }
func FuzzDepacketizeOpus(f *testing.F) { fuzzDepacketize(f, media.CodecOpus) }

// fuzzDepacketize asserts of any packets that frames are in normal form and in order,
// that packets are not changed, and that what came out survives the way back.
func fuzzDepacketize(f *testing.F, c media.Codec) {
	f.Helper()
	us := movie(f, c, 3)
	for _, u := range us {
		for i, b := range u.Access {
			u.Access[i] = b[:min(len(b), 300)]
		}
	}
	f.Add(false, fuzzed(packetize(f, track(f, c), minMTU, us...)))
	f.Add(true, fuzzed(packetize(f, track(f, c), DefaultMTU, us...)))
	f.Fuzz(func(t *testing.T, known bool, data []byte) {
		tr := bare(t, c)
		if known {
			tr = track(t, c)
		}
		d, err := NewDepacketizer(tr, 0, bitstream.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		before := slices.Clone(data)
		last := media.Ticks(-1 << 62)
		check := func(frames []Frame) {
			for _, f := range frames {
				checkNormal(t, c, f)
				if f.Unit.DTS <= last && c.Kind() == media.KindVideo || f.Unit.DTS > f.Unit.PTS {
					t.Fatalf("DTS %d at PTS %d behind %d", f.Unit.DTS, f.Unit.PTS, last)
				}
				last = f.Unit.DTS
				checkBack(t, f)
			}
		}
		for _, u := range fuzzPackets(data) {
			frames, _ := d.Push(nil, u)
			check(frames)
		}
		frames, _ := d.Flush(nil)
		check(frames)
		if !bytes.Equal(before, data) {
			t.Fatal("packets were changed")
		}
	})
}

// checkNormal asserts what media.Unit.Access promises.
func checkNormal(t *testing.T, c media.Codec, f Frame) {
	t.Helper()
	if f.Params == nil || len(f.Unit.Access) == 0 || !f.Unit.Flags.Has(media.FrameEnd) || f.Unit.Track != nil {
		t.Fatalf("frame %+v", f)
	}
	for _, b := range f.Unit.Access {
		if len(b) == 0 || c == media.CodecAV1 && b[0]&2 != 0 {
			t.Fatalf("unit %x", b)
		}
	}
	if l := bitstream.DefaultLimits(); f.Params.Width > l.MaxWidth || f.Params.Height > l.MaxHeight {
		t.Fatalf("beyond the limits: %+v", f.Params)
	}
}

// checkBack asserts that packets hold a frame as it is.
func checkBack(t *testing.T, f Frame) {
	t.Helper()
	tr := f.Params.Track("a")
	tr.Form = media.FormRTP
	u := f.Unit
	u.Track = tr
	var a assembly
	format, err := formatOf(tr.Codec)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packetize(t, tr, 200, &u) {
		if err := format.unpack(&a, p.RTP.Payload); err != nil {
			t.Fatalf("%x: %v", p.RTP.Payload, err)
		}
	}
	got, err := a.join()
	if err != nil {
		t.Fatal(err)
	}
	want := u.Access
	if inBand(tr.Codec) && u.Flags.Has(media.Key) {
		want = slices.Concat(f.Params.ParameterSets(), want)
	}
	if !sameAccess(got, want) {
		t.Fatalf("%x became %x", want, got)
	}
}

// FuzzRoundTrip asserts that packets of any size hold any units as they are, and no
// more than they may.
func FuzzRoundTrip(f *testing.F) {
	f.Add(byte(0), uint16(200), []byte{3, 0, 1, 4, 0x41, 0x9A})
	f.Add(byte(2), uint16(200), bytes.Repeat([]byte{0, 60, 0x30}, 40))
	f.Add(byte(1), uint16(128), bytes.Repeat([]byte{1, 200, 0x26}, 9))
	f.Fuzz(func(t *testing.T, which byte, mtu uint16, data []byte) {
		c := Codecs()[int(which)%len(Codecs())]
		size := minMTU + int(mtu)%3000
		units := fuzzUnits(c, data)
		if len(units) == 0 {
			return
		}
		format, err := formatOf(c)
		if err != nil {
			t.Fatal(err)
		}
		w := writer{mtu: size}
		format.pack(&w, units, media.Key|media.FrameEnd)
		if cap(w.buf) > 0 && w.bound > 0 && len(w.buf) > w.bound {
			t.Fatalf("%d bytes where %d were thought to be enough", len(w.buf), w.bound)
		}
		var a assembly
		for i, p := range w.payloads {
			if len(p) > size && c != media.CodecOpus {
				t.Fatalf("payload of %d bytes where %d fit", len(p), size)
			}
			if err := format.unpack(&a, p); err != nil {
				t.Fatalf("payload %d of %d: %v", i, len(w.payloads), err)
			}
		}
		got, err := a.join()
		if err != nil || !sameAccess(got, units) {
			t.Fatalf("%d units became %d, %v", len(units), len(got), err)
		}
	})
}

// fuzzUnits makes units that a payload format takes: length and first byte of each
// are fuzzed, the rest is counted.
func fuzzUnits(c media.Codec, data []byte) [][]byte {
	var units [][]byte
	for left := 1 << 20; len(data) >= 3 && left > 0; data = data[3:] {
		b := make([]byte, 3+int(data[0])<<8|int(data[1]))
		left -= 1<<10 + len(b)
		for i := range b {
			b[i] = byte(i)
		}
		b[0] = data[2]
		switch c {
		case media.CodecH264:
			if !h264Plain(b) {
				continue
			}
		case media.CodecH265:
			if !h265Plain(b) {
				continue
			}
		case media.CodecAV1:
			b[0] &^= 2
		default:
			return [][]byte{b}
		}
		units = append(units, b)
	}
	return units
}

// FuzzKeyStart asserts that marks agree with one another and with what a packet turns
// out to be.
func FuzzKeyStart(f *testing.F) {
	for i, c := range Codecs() {
		for n, p := range packetize(f, track(f, c), minMTU, movie(f, c, 2)...) {
			if n < 3 {
				f.Add(byte(i), p.RTP.Payload)
			}
		}
	}
	f.Fuzz(func(t *testing.T, which byte, payload []byte) {
		c := Codecs()[int(which)%len(Codecs())]
		m := Peek(c, payload)
		if KeyStart(c, payload) != m.Key || FrameStart(c, payload) != m.Start || m.Droppable && m.Key {
			t.Fatalf("%+v", m)
		}
		if m.Temporal < -1 || m.Temporal > 7 || m.Spatial < -1 || m.Spatial > 7 {
			t.Fatalf("%+v", m)
		}
		i := NewInspector(c)
		p := &media.RTP{Payload: payload}
		if flags := i.Flags(p); len(payload) > 0 && flags.Has(media.Key) != m.Key {
			t.Fatalf("%v, %+v", flags, m)
		}
	})
}
