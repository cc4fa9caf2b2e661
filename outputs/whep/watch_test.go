package whep

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline/media"
	"weir/pipeline/service/rtc/rtctest"
)

func loopback(t *testing.T) net.PacketConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	check(t, err)
	return conn
}

// The whole way, on real sockets: a viewer joins in the middle of a GOP and sees a
// picture at once.
func TestLoopback(t *testing.T) {
	s := newStudio(t, loopback(t), defaults(), video(""), sound())
	s.play(0, 3*time.Second, 300, 5000)
	p := newPlayer(t, s, nil)
	time.Sleep(500 * time.Millisecond)
	p.join("")
	p.await("pictures and sound", func() bool { return len(p.pictures()) > 30 && p.sounds() > 30 })
	pics := p.pictures()
	if !pics[0].key || pics[0].number != 0 {
		t.Errorf("the first picture is %+v", pics[0])
	}
	t.Logf("first picture after %v, %d pictures", pics[0].at, len(pics))
	if missing, total := p.missing(); missing > 0 {
		t.Errorf("%d of %d packets are missing", missing, total)
	}
	<-p.connected
}

// status is what the stage shows.
func (s *studio) status() Status {
	for _, st := range s.graph.Snapshot().Stages {
		if st.Name == "watch" {
			status, _ := st.Detail.(Status)
			return status
		}
	}
	return Status{}
}

// A viewer is connected in well under a second, starts at the key picture that is
// held, gets all that came since, and is gone when he says so.
func TestJoinAndLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := newStudio(t, n.Listen(), defaults(), video(""), sound())
		s.play(0, 20*time.Second, 60, 10_000)
		time.Sleep(3500 * time.Millisecond) // in the middle of the second GOP
		p := newPlayer(t, s, n.Client())
		p.join("")
		<-p.connected
		if d := time.Since(p.began); d > time.Second {
			t.Errorf("connected after %v", d)
		}
		time.Sleep(2 * time.Second)
		pics := p.pictures()
		if len(pics) < 60 || !pics[0].key || pics[0].number != 60 {
			t.Fatalf("%d pictures, the first %+v", len(pics), pics[0])
		}
		if pics[0].at > time.Second {
			t.Errorf("the first picture came after %v", pics[0].at)
		}
		consecutive(t, pics)
		if missing, total := p.missing(); missing > 0 {
			t.Errorf("%d of %d packets are missing", missing, total)
		}
		if p.sounds() < 100 {
			t.Errorf("%d packets of sound", p.sounds())
		}
		if st := s.status(); st.Sessions["watching"] != 1 || st.Layers["video"] != 1 || st.Layers["audio"] != 1 {
			t.Errorf("%+v", st)
		}
		if r := s.do(http.MethodDelete, p.location, "", ""); r.StatusCode != http.StatusOK {
			t.Error(r.Status)
		}
		time.Sleep(2 * time.Second)
		if st := s.status(); st.Counts[endedViewer] != 1 || st.Sessions["watching"] != 0 || st.Connected != 1 {
			t.Errorf("%+v", st)
		}
		if r := s.do(http.MethodDelete, p.location, "", ""); r.StatusCode != http.StatusNotFound {
			t.Error(r.Status)
		}
	})
}

// consecutive checks that each picture follows the one before, in number and in time.
func consecutive(t *testing.T, pics []seen) {
	t.Helper()
	for i := 1; i < len(pics); i++ {
		a, b := pics[i-1], pics[i]
		if b.number != a.number+1 || b.timestamp-a.timestamp != 3000 {
			t.Fatalf("picture %d at %d is followed by %d at %d", a.number, a.timestamp, b.number, b.timestamp)
		}
	}
}

// Loss of one datagram in ten is made good by retransmission.
func TestLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := newStudio(t, n.Listen(), defaults(), video(""))
		s.play(0, 12*time.Second, 60, 8000)
		p := newPlayer(t, s, n.Client())
		time.Sleep(time.Second)
		p.join("")
		<-p.connected
		n.Impair(nil, rtctest.Loss(0.1, 1))
		time.Sleep(8 * time.Second)
		n.Impair(nil, nil)
		time.Sleep(time.Second)
		missing, total := p.missing()
		if missing > 0 {
			t.Errorf("%d of %d packets are missing", missing, total)
		}
		if total < 8*30*7 {
			t.Errorf("%d packets", total)
		}
		consecutive(t, p.pictures())
	})
}

// R20: one datagram in ten is lost and others come up to 200 ms late, both ways. Nearly
// all pictures are complete when a player wants to show them, their size does not go to
// and fro, and sound has hardly a gap.
func TestLossAndJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := newStudio(t, n.Listen(), defaults(), video("hd", "sd", "ld"), sound())
		s.play(0, 50*time.Second, 60, 12_000)
		time.Sleep(2 * time.Second)
		p := newPlayer(t, s, n.Client())
		p.join("")
		<-p.connected
		time.Sleep(10 * time.Second)
		bad := func(seed uint64) rtctest.Fate {
			return rtctest.Both(rtctest.Loss(0.1, seed), rtctest.Clumps(200*time.Millisecond, seed+1))
		}
		n.Impair(bad(1), bad(3))
		time.Sleep(5 * time.Second)
		from, heard := time.Since(p.began), p.sounds()
		time.Sleep(20 * time.Second)
		to := time.Since(p.began)
		sounds := p.sounds() - heard
		n.Impair(nil, nil)
		time.Sleep(2 * time.Second)
		late, total := p.late(from, to, 900*time.Millisecond)
		missing, _ := p.missing()
		t.Logf("%d of %d pictures late, %d packets missing, %d sounds of 1200", late, total, missing, sounds)
		if total < 20*30-30 || late > total*3/100 || missing > 3 || sounds < 1150 {
			t.Errorf("%d of %d pictures late, %d packets missing, %d sounds of 1200", late, total, missing, sounds)
		}
		// The path becomes longer at once, which looks like a queue; jitter does not: from
		// there it can only go up.
		if n := p.changes(from); n > 2 {
			t.Errorf("the layer changed %d times", n)
		}
	})
}

// changes counts how often the layer has changed since.
func (p *player) changes(from time.Duration) (n int) {
	pics := p.pictures()
	for i := 1; i < len(pics); i++ {
		if pics[i].at > from && pics[i].layer != pics[i-1].layer {
			n++
		}
	}
	return n
}

// late counts the pictures that began to come between two times and were not complete
// d later than the one that came soonest, in the time of the stream.
func (p *player) late(from, to, d time.Duration) (late, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	complete, came := make(map[uint32]time.Duration), make(map[uint16]bool)
	for _, s := range p.video {
		if s.at >= from && s.at < to && !came[s.sequence] {
			came[s.sequence] = true
			complete[s.timestamp] = s.at
		}
	}
	soonest := time.Hour
	spare := func(timestamp uint32, at time.Duration) time.Duration {
		return at - time.Duration(timestamp-p.video[0].timestamp)*time.Second/90_000
	}
	for timestamp, at := range complete {
		soonest = min(soonest, spare(timestamp, at))
	}
	for timestamp, at := range complete {
		if spare(timestamp, at) > soonest+d {
			late++
		}
	}
	return late, len(complete)
}

// Viewers choose their layers when they come and later; each gets his own, and time
// and sequence go on.
func TestLayersByChoice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := newStudio(t, n.Listen(), defaults(), video("hd", "sd", "ld"))
		s.play(0, 15*time.Second, 30, 8000)
		time.Sleep(1500 * time.Millisecond)
		players := make(map[string]*player)
		for i, layer := range []string{"hd", "sd", "ld"} {
			p := newPlayer(t, s, n.Client())
			p.join("?layer=" + layer)
			players[layer] = p
			time.Sleep(2 * time.Second)
			for _, pic := range p.pictures() {
				if pic.layer != i {
					t.Fatalf("%s: layer %d", layer, pic.layer)
				}
			}
			consecutive(t, p.pictures())
		}
		if st := s.status(); fmt.Sprint(st.Layers) != "map[video/hd:1 video/ld:1 video/sd:1]" {
			t.Errorf("%+v", st)
		}
		p := players["ld"]
		p.choose("hd", http.StatusOK)
		time.Sleep(2500 * time.Millisecond)
		p.choose("nothing", http.StatusBadRequest)
		p.choose("auto", http.StatusOK)
		pics := p.pictures()
		consecutive(t, pics)
		if last := pics[len(pics)-1]; last.layer != 0 {
			t.Errorf("the last picture is of layer %d", last.layer)
		}
		changes := 0
		for i := 1; i < len(pics); i++ {
			if pics[i].layer != pics[i-1].layer {
				changes++
				if !pics[i].key {
					t.Errorf("changed at picture %d, which is no key picture", pics[i].number)
				}
			}
		}
		if missing, _ := p.missing(); changes != 1 || missing > 0 {
			t.Errorf("%d changes, %d packets missing", changes, missing)
		}
	})
}

func (p *player) choose(layer string, want int) {
	p.t.Helper()
	r := p.studio.do(http.MethodPost, p.location+"/layer", "application/json", `{"encodingId":"`+layer+`"}`)
	if r.StatusCode != want {
		p.t.Errorf("%s: %s", layer, r.Status)
	}
}

// narrow is a link of so many bit/s with a queue of a quarter of a second.
type narrow struct {
	mu   sync.Mutex
	rate int64
	free time.Time
}

func (l *narrow) fate(d []byte) (bool, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.rate == 0 {
		return true, 0
	}
	if l.free.Before(now) {
		l.free = now
	}
	if l.free.Sub(now) > 250*time.Millisecond {
		return false, 0
	}
	l.free = l.free.Add(time.Duration(int64(len(d)) * 8 * int64(time.Second) / l.rate))
	return true, l.free.Sub(now)
}

func (l *narrow) set(rate int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rate = rate
}

// R21: a path that falls from 6 to 1 Mbit/s for a minute. The layer falls within 3 s
// and is back within 15 s; pictures freeze for no more than 2 s.
func TestBandwidthDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := newStudio(t, n.Listen(), defaults(), video("hd", "sd", "ld")) // 2.9, 1.4 and 0.7 Mbit/s
		s.play(0, 125*time.Second, 60, 12_000)
		time.Sleep(3500 * time.Millisecond)
		p := newPlayer(t, s, n.Client())
		p.join("")
		<-p.connected
		link := &narrow{rate: 6_000_000}
		n.Impair(nil, link.fate)
		time.Sleep(12 * time.Second)
		if at := p.layer(); at != 0 {
			t.Errorf("on a wide path: layer %d", at)
		}
		link.set(1_000_000)
		from := time.Since(p.began)
		time.Sleep(time.Minute)
		link.set(6_000_000)
		to := time.Since(p.began)
		time.Sleep(40 * time.Second)
		down, up := p.reached(from, 2), p.reached(to, 0)
		freeze := p.frozen(from-time.Second, time.Since(p.began))
		t.Logf("down after %v, up after %v, frozen for %v", down, up, freeze)
		if down > 3*time.Second || up > 15*time.Second || freeze > 2*time.Second {
			t.Errorf("down after %v, up after %v, frozen for %v", down, up, freeze)
		}
	})
}

// reached is how long after from the first picture of a layer came.
func (p *player) reached(from time.Duration, layer int) time.Duration {
	for _, pic := range p.pictures() {
		if pic.at >= from && pic.layer == layer {
			return pic.at - from
		}
	}
	return time.Hour
}

// frozen adds up the time beyond 150 ms for which no picture came that follows the
// one before or is a key picture.
func (p *player) frozen(from, to time.Duration) time.Duration {
	p.mu.Lock()
	all := slices.Clone(p.video)
	p.mu.Unlock()
	var total time.Duration
	last := from
	for _, s := range all {
		if !s.last || s.at < from || s.at > to {
			continue
		}
		if d := s.at - last; d > 150*time.Millisecond {
			total += d - 150*time.Millisecond
		}
		last = s.at
	}
	return total
}

// One who comes on a path that is too narrow for the layer that he is given first has
// steady pictures soon.
func TestSlowJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := newStudio(t, n.Listen(), defaults(), video("hd", "sd", "ld"))
		s.play(0, 15*time.Second, 30, 8000)
		time.Sleep(3900 * time.Millisecond)
		link := &narrow{rate: 750_000}
		n.Impair(nil, link.fate)
		p := newPlayer(t, s, n.Client())
		p.join("")
		<-p.connected
		time.Sleep(4 * time.Second)
		before := len(p.pictures())
		time.Sleep(4 * time.Second)
		if got := len(p.pictures()) - before; got < 110 || p.layer() != 2 {
			t.Errorf("%d pictures in 4 s, layer %d", got, p.layer())
		}
	})
}

func (p *player) layer() int {
	pics := p.pictures()
	return pics[len(pics)-1].layer
}

// A layer that its source stops is left for another one, and taken again when it is
// back, also by those who have chosen it.
func TestLayerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := newStudio(t, n.Listen(), defaults(), video("hd", "sd"))
		s.play(0, 25*time.Second, 30, 8000)
		time.Sleep(2500 * time.Millisecond)
		auto, chosen := newPlayer(t, s, n.Client()), newPlayer(t, s, n.Client())
		auto.join("")
		chosen.join("?layer=hd")
		time.Sleep(5 * time.Second)
		s.silent.Store(1)
		time.Sleep(5 * time.Second)
		for _, p := range []*player{auto, chosen} {
			if at := p.layer(); at != 1 {
				t.Errorf("layer %d is watched, which has stopped", at)
			}
		}
		s.silent.Store(0)
		time.Sleep(10 * time.Second)
		for _, p := range []*player{auto, chosen} {
			if at := p.layer(); at != 0 {
				t.Errorf("layer %d is watched", at)
			}
			if missing, _ := p.missing(); missing != 0 {
				t.Errorf("%d packets are missing", missing)
			}
		}
	})
}

// Another source with new tracks of the same kind takes over; viewers stay, and their
// streams go on. One with another codec cannot be sent to them: they go.
func TestTakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := newStudio(t, n.Listen(), defaults(), video(""), sound())
		s.movie(0, 2*time.Second, 30, 8000)
		p := newPlayer(t, s, n.Client())
		p.join("")
		<-p.connected
		next := s.movie(60, 2*time.Second, 30, 8000)
		s.bring(video(""), sound())
		next = s.movie(next, 2*time.Second, 30, 8000)
		time.Sleep(100 * time.Millisecond)
		pics := p.pictures()
		consecutive(t, pics)
		if missing, _ := p.missing(); missing != 0 || pics[len(pics)-1].number != next-1 {
			t.Errorf("%d packets are missing, the last picture is %d of %d", missing, pics[len(pics)-1].number, next)
		}
		other := video("")
		other.Codec, other.Config = media.CodecVP8, nil
		s.bring(other)
		<-p.lost
		if st := s.status(); st.Counts[endedCodec] != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// Video with B-frames is refused once it is known to have them, and those who watch
// already are let go.
func TestBFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := newStudio(t, n.Listen(), defaults(), video(""))
		s.movie(0, time.Second, 30, 2000)
		p := newPlayer(t, s, n.Client())
		p.join("")
		<-p.connected
		for i := range 5 {
			for _, number := range []int{32, 31} {
				s.picture(30+2*i+number-31, 30, 2000)
			}
		}
		time.Sleep(time.Second)
		<-p.lost
		if st := s.status(); st.Counts[endedReordered] != 1 {
			t.Errorf("%+v", st)
		}
		r := s.do("POST", "whep", sdpType, newPlayer(t, s, n.Client()).offer())
		if got := code(t, r); r.StatusCode != 406 || got != "no_common_codec" {
			t.Errorf("%d %s", r.StatusCode, got)
		}
	})
}
