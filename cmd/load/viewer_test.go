package load

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"weir/cmd/load/peer"
)

func TestSourceCountsLosses(t *testing.T) {
	for _, c := range []struct {
		name      string
		sequences []uint16
		lost      int64
	}{
		{"none", []uint16{5, 6, 7}, 0},
		{"one", []uint16{5, 7}, 1},
		{"reordered", []uint16{5, 7, 6}, 0},
		{"around the end", []uint16{65534, 65535, 1}, 1},
		{"twice", []uint16{5, 6, 6}, 0},
	} {
		var s source
		for _, n := range c.sequences {
			s.took(1, n)
		}
		if n := s.lost(); n != c.lost {
			t.Errorf("%s: %d lost, want %d", c.name, n, c.lost)
		}
	}
}

func TestTransportSequence(t *testing.T) {
	p := rtp.Packet{Header: rtp.Header{Version: 2, CSRC: []uint32{1}}, Payload: []byte{1, 2, 3}}
	for id, value := range map[uint8][]byte{1: {9}, peer.TransportCC: {0x12, 0x34}, 5: {1, 2, 3}} {
		if err := p.SetExtension(id, value); err != nil {
			t.Fatal(err)
		}
	}
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := transportSequence(b); !ok || n != 0x1234 {
		t.Errorf("%#x, %v", n, ok)
	}
	if n := headerSize(b); n != len(b)-3 {
		t.Errorf("a header of %d of %d bytes", n, len(b))
	}
}

func FuzzPacket(f *testing.F) {
	f.Add([]byte("\x90\x60\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\xbe\xde\x00\x01\x31\x12\x34\x00\x65\x01"))
	f.Add([]byte("\x9f\x60\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\xbe\xde\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 12 {
			return
		}
		if n := headerSize(b); n < 12 || n > len(b) {
			t.Errorf("a header of %d of %d bytes", n, len(b))
		}
		transportSequence(b)
		if len(b) > 1 {
			isKey(b)
		}
		stampOf(b)
	})
}

func TestStamp(t *testing.T) {
	at := time.UnixMicro(1_763_915_480_123_456)
	f, err := newFilm()
	if err != nil {
		t.Fatal(err)
	}
	pictures, keys := 0, 0
	for _, frame := range f.frames {
		if frame.stamp == 0 {
			continue
		}
		payload := frame.payloads[frame.stamped]
		putStamp(payload[frame.stamp:], at)
		if got, ok := stampOf(payload); !ok || !got.Equal(at) {
			t.Fatalf("%v, %v", got, ok)
		}
		if pictures++; isKey(payload) {
			keys++
		}
	}
	if pictures != videoPerTurn || keys != videoPerTurn/groupSize {
		t.Errorf("%d pictures, %d of them key pictures", pictures, keys)
	}
}

func TestTimes(t *testing.T) {
	var all Times
	if d, ok := all.Quantile(0.5); ok {
		t.Errorf("of nothing: %v", d)
	}
	for n := range 100 {
		all.Add(time.Duration(n) * time.Millisecond)
	}
	all.Add(time.Hour)
	for q, want := range map[float64]time.Duration{0.5: 50 * time.Millisecond, 0.99: 99 * time.Millisecond, 1: 10 * time.Second} {
		if d, ok := all.Quantile(q); !ok || d < want-time.Millisecond-timesStep || d > want+timesStep {
			t.Errorf("%v: %v, want %v", q, d, want)
		}
	}
}

func TestLocal(t *testing.T) {
	for target, want := range map[string]bool{
		"rtmp://127.0.0.1/live/x": true, "http://[::1]:8080/": true, "http://192.0.2.1/": false, "http://127.9.9.9:1/": true,
	} {
		if got, err := Local(t.Context(), target); err != nil || got != want {
			t.Errorf("%s: %v, %v", target, got, err)
		}
	}
	if _, err := Local(t.Context(), "live/x"); err == nil {
		t.Error("no host is good")
	}
}
