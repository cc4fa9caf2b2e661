package rtc

import (
	"math/rand/v2"
	"testing"
	"time"
)

// lane is one way of a bad path: it loses a tenth, and what comes behind something late
// is late as well.
type lane struct {
	noise *rand.Rand
	last  time.Duration
	queue []flying
}

type flying struct {
	at       time.Duration
	seq      uint16
	repaired bool
}

func (l *lane) send(now time.Duration, f flying) {
	if l.noise.Float64() < 0.1 {
		return
	}
	late := time.Duration((2*l.noise.Float64() - 1) * float64(200*time.Millisecond))
	l.last = max(l.last, now+max(0, late))
	f.at = l.last
	l.queue = append(l.queue, f)
}

func (l *lane) arrived(now time.Duration) (all []flying) {
	for len(l.queue) > 0 && l.queue[0].at <= now {
		all = append(all, l.queue[0])
		l.queue = l.queue[1:]
	}
	return all
}

// R19: a browser sends nothing twice within what it takes for the round trip, however
// often it is asked. Behind 10 % of loss and 200 ms of jitter nearly all has to come all
// the same, for each packet that does not costs a key picture.
func TestOrderAsksForAsLongAsItTakes(t *testing.T) {
	const (
		sent  = 40_000
		every = 25 * time.Millisecond
		trip  = 250 * time.Millisecond
		most  = sent / 5000
	)
	o := newOrder(DefaultLimits().Wait, true)
	there := lane{noise: rand.New(rand.NewPCG(1, 1))}
	back := lane{noise: rand.New(rand.NewPCG(2, 2))}
	again := map[uint16]time.Duration{}
	epoch := time.Unix(0, 0)
	next := 0
	for now := time.Duration(0); next < sent; now += time.Millisecond {
		if now%every == 0 {
			there.send(now, flying{seq: uint16(next)})
			delete(again, uint16(next))
			next++
		}
		for _, f := range there.arrived(now) {
			o.put(Packet{Sequence: f.seq, Payload: []byte{1}, repaired: f.repaired}, epoch.Add(now))
		}
		for {
			if _, ok := o.take(epoch.Add(now)); !ok {
				break
			}
		}
		for _, seq := range o.ask(epoch.Add(now)) {
			back.send(now, flying{seq: seq})
		}
		for _, f := range back.arrived(now) {
			if last, ok := again[f.seq]; !ok || now-last >= trip {
				again[f.seq] = now
				there.send(now, flying{seq: f.seq, repaired: true})
			}
		}
	}
	t.Logf("%+v, waits for %v", o.counts, o.hold)
	if o.counts.Lost > most {
		t.Errorf("%d of %d packets never came, more than %d", o.counts.Lost, sent, most)
	}
	if each := float64(o.counts.Asked) / float64(o.counts.Missing); each > 6 {
		t.Errorf("each was asked for %.1f times", each)
	}
}

// What comes twice says nothing against waiting as long as answers take.
func TestOrderWaitsOnAfterDuplicates(t *testing.T) {
	o := newOrder(500*time.Millisecond, true)
	if got, want := play(&o, "1 3 +8 +292 2r 2r 4 6 +700 5r 7"), "1 ?2 ?2 2 3 4 ?5 5 6 7"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
