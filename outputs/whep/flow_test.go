package whep

import (
	"testing"
	"time"

	"weir/pipeline/media"
)

func packet(t *media.Track, sequence int, at time.Time, flags media.Flags) *media.Unit {
	return &media.Unit{
		Track: t, Arrived: at, Flags: flags,
		RTP: &media.RTP{Sequence: uint16(sequence), Payload: make([]byte, 1000)},
	}
}

func TestFlow(t *testing.T) {
	tr := video("")
	f := newFlow(tr, 0)
	start := time.Unix(1000, 0)
	for i := range 3 * videoHeld {
		flags := media.Flags(0)
		if i%3000 == 0 {
			flags = media.Key
		}
		f.push(packet(tr, 60_000+i, start.Add(time.Duration(i)*time.Millisecond), flags))
	}
	head := f.head.Load()
	if head != 3*videoHeld {
		t.Fatal(head)
	}
	now := start.Add(time.Duration(head) * time.Millisecond)
	if n, ok := f.freshKey(now, time.Second); n != 12_000 || !ok {
		t.Errorf("key %d, %v", n, ok)
	}
	if _, ok := f.freshKey(now, 200*time.Millisecond); ok {
		t.Error("a key picture is younger than it is")
	}
	if u := f.at(head - 1); u == nil || u.RTP.Sequence != uint16(60_000+int(head)-1&0xffff) {
		t.Errorf("%+v", u)
	}
	if f.at(head-videoHeld) != nil || f.at(head-videoHeld+1) == nil {
		t.Error("the slot that is written next can be read, or another one cannot")
	}
	last := uint16((60_000 + int(head) - 1) % 65536)
	if u := f.numbered(last); u == nil || u != f.at(head-1) {
		t.Errorf("%+v", u)
	}
	if f.numbered(last+1) != nil {
		t.Error("a packet that has not come is found")
	}
	if rate := f.bitrate.Load(); rate < 7_990_000 || rate > 8_010_000 {
		t.Errorf("%d bit/s", rate)
	}
	if d := f.behind(f.at(head - 101)); d != 100*time.Millisecond {
		t.Errorf("behind by %v", d)
	}
}

func TestBucket(t *testing.T) {
	b := bucket{rate: 2_000_000}
	now := time.Unix(1000, 0)
	if !b.take(100_000, now) || b.take(1000, now) {
		t.Error("a full bucket holds 50 ms")
	}
	now = now.Add(10 * time.Millisecond)
	if !b.take(20_000, now) || b.take(1, now) {
		t.Error("10 ms fill 20 000 bytes")
	}
	if now = now.Add(time.Minute); b.take(100_001, now) || !b.take(100_000, now) {
		t.Error("it overflows at 50 ms")
	}
}
