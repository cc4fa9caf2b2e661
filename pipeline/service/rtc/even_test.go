package rtc

import (
	"testing"
	"time"

	"weir/pipeline/media"
)

// pictures plays so many pictures, 33 ms apart, through a publisher's only stream; late
// says by how much each comes later than it should. It gives how much later each goes on.
func pictures(r *receiver, clock *time.Duration, n int, late func(i int) time.Duration) []time.Duration {
	const every = 33 * time.Millisecond
	epoch := time.Unix(0, 0)
	if r.layers == nil {
		r.layers = []*layer{{kind: media.KindVideo}}
	}
	l := r.layers[0]
	began := *clock
	*clock += time.Duration(n) * every
	out := make([]time.Duration, n)
	come, gone := 0, 0
	arrived := time.Duration(0)
	for now := began; gone < n; now += time.Millisecond {
		for ; come < n; come++ {
			captured := began + time.Duration(come)*every
			arrived = max(arrived, captured+late(come)) // none overtakes another
			if arrived > now {
				break
			}
			p := Packet{Timestamp: uint32(media.VideoRate.Ticks(captured)), Sequence: uint16(come), Payload: []byte{1}}
			l.out.put(p, r.due(l, &p, epoch.Add(now)))
		}
		for {
			p, ok := l.out.take(epoch.Add(now))
			if !ok {
				break
			}
			captured := began + time.Duration(p.Sequence)*every
			out[p.Sequence] = p.Released.Sub(epoch) - captured
			gone++
		}
	}
	return out
}

func bounds(delays []time.Duration) (least, most time.Duration) {
	least = time.Hour
	for _, d := range delays {
		least, most = min(least, d), max(most, d)
	}
	return least, most
}

func TestEvenlyWhereThePathIsNot(t *testing.T) {
	var r receiver
	var clock time.Duration
	const second = 30
	if _, most := bounds(pictures(&r, &clock, 60*second, func(i int) time.Duration {
		return time.Duration(i*37%180) * time.Millisecond
	})); most >= 180*time.Millisecond+time.Millisecond {
		t.Errorf("on a usual path a picture was held back: it was %v late", most)
	}
	bad := func(i int) time.Duration {
		if i%41 == 7 {
			return 600 * time.Millisecond
		}
		return time.Duration(i*37%100) * time.Millisecond
	}
	pictures(&r, &clock, 20*second, bad)
	least, most := bounds(pictures(&r, &clock, 60*second, bad))
	if least < 600*time.Millisecond || most-least > 40*time.Millisecond || most > 800*time.Millisecond {
		t.Errorf("pictures came %v to %v late, which is not even", least, most)
	}
	pictures(&r, &clock, 90*second, func(int) time.Duration { return 0 })
	if least, most = bounds(pictures(&r, &clock, second, func(int) time.Duration { return 0 })); most > time.Millisecond {
		t.Errorf("90 s after the path has become good, pictures are held back by %v to %v", least, most)
	}
}

// A clock that steps, or a pause, is not taken for lateness.
func TestEvenAfterAJump(t *testing.T) {
	var l lateness
	at := time.Unix(0, 0)
	l.add(1000, media.VideoRate, at)
	if late := l.add(1000+90_000*3600, media.VideoRate, at.Add(time.Second)); late != 0 || l.worst != 0 {
		t.Errorf("after a step %v late, at most %v", late, l.worst)
	}
	if late := l.add(1000+90_000*3600, media.VideoRate, at.Add(time.Minute)); late != 0 || l.worst != 0 {
		t.Errorf("after a pause %v late, at most %v", late, l.worst)
	}
}

// What is held is bounded in bytes.
func TestEvenIsBounded(t *testing.T) {
	var o outlet
	later := time.Unix(1, 0)
	for range evenBytes/1000 + 2 {
		o.put(Packet{Payload: make([]byte, 1000)}, later)
	}
	n := 0
	for _, ok := o.take(later.Add(-time.Second)); ok; _, ok = o.take(later.Add(-time.Second)) {
		n++
	}
	if n != 2 {
		t.Errorf("%d packets went on too early to keep the bound", n)
	}
}
