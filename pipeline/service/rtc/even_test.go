package rtc

import (
	"math/rand/v2"
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

// R19 in virtual time: pictures of a browser behind 10 % of loss and 200 ms of jitter, two
// packets each, go on so evenly that a player that holds nothing back hardly stands still.
// It counts as browsers do: a picture that comes 150 ms later than usual is a freeze.
func TestEvenBehindBadPath(t *testing.T) {
	const (
		every  = 33 * time.Millisecond
		trip   = 250 * time.Millisecond
		settle = 10 * time.Second
		total  = settle + 10*time.Minute
		freeze = every + 150*time.Millisecond
	)
	l := &layer{kind: media.KindVideo, order: newOrder(DefaultLimits().Wait, true)}
	r := receiver{layers: []*layer{l}}
	there := lane{noise: rand.New(rand.NewPCG(1, 1))}
	back := lane{noise: rand.New(rand.NewPCG(2, 2))}
	again := map[uint16]time.Duration{}
	epoch := time.Unix(0, 0)
	var shown, frozen, held time.Duration
	next := 0
	for now := time.Duration(0); now < total; now += time.Millisecond {
		if now%every == 0 {
			for range 2 {
				there.send(now, flying{seq: uint16(next)})
				delete(again, uint16(next))
				next++
			}
		}
		for _, f := range there.arrived(now) {
			captured := time.Duration((next-int(uint16(next)-f.seq))/2) * every
			l.order.put(Packet{
				Sequence: f.seq, Timestamp: uint32(media.VideoRate.Ticks(captured)), Payload: []byte{1}, repaired: f.repaired,
			}, epoch.Add(now))
		}
		at := epoch.Add(now)
		for p, ok := l.order.take(at); ok; p, ok = l.order.take(at) {
			l.out.put(p, r.due(l, &p, at))
		}
		for p, ok := l.out.take(at); ok; p, ok = l.out.take(at) {
			if p.Sequence%2 == 0 {
				continue
			}
			if gap := now - shown; gap > freeze && now > settle {
				frozen += gap
			}
			shown, held = now, max(held, r.even.hold)
		}
		for _, seq := range l.order.ask(at) {
			back.send(now, flying{seq: seq})
		}
		for _, f := range back.arrived(now) {
			if last, ok := again[f.seq]; !ok || now-last >= trip {
				again[f.seq] = now
				there.send(now, flying{seq: f.seq, repaired: true})
			}
		}
	}
	part := 100 * frozen.Seconds() / (total - settle).Seconds()
	t.Logf("frozen for %.2f %% of the time, held back by %v at most; %+v", part, held, l.order.counts)
	if part > 3 {
		t.Errorf("frozen for %.2f %% of the time", part)
	}
}
