package rtc_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/pipeline/media"
	"weir/pipeline/service/rtc"
	"weir/pipeline/service/rtc/rtctest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func remote() netip.Addr { return netip.MustParseAddr("10.0.1.2") }

// serve runs a server on a network until the test ends.
func serve(t *testing.T, n *rtctest.Network, limits rtc.Limits) *rtc.Server {
	t.Helper()
	s, err := rtc.New(rtc.Config{UDP: n.Listen(), Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if st := s.Stats(); st.Publishers != 0 || st.HalfOpen != 0 {
			t.Errorf("left over: %+v", st)
		}
	})
	return s
}

// publish makes an encoder and its publisher.
func publish(t *testing.T, n *rtctest.Network, s *rtc.Server, o rtctest.Options) (*rtctest.Encoder, *rtc.Publisher) {
	t.Helper()
	o.Net = n.Client()
	e := rtctest.NewEncoder(t, o)
	offer, err := rtc.ParseOffer([]byte(e.Offer(t)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Publish(t.Context(), offer, remote())
	if err != nil {
		t.Fatal(err)
	}
	answer, err := p.Answer()
	if err != nil {
		t.Fatal(err)
	}
	e.Accept(t, answer)
	return e, p
}

// tally counts what a publisher delivers, by kind and layer, and checks its order.
type tally struct {
	packets, losses map[media.Kind][]int
}

func collect(t *testing.T, p *rtc.Publisher, until <-chan struct{}) tally {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop := context.AfterFunc(t.Context(), cancel)
	defer stop()
	go func() {
		select {
		case <-until:
			cancel()
		case <-ctx.Done():
		}
	}()
	out := tally{map[media.Kind][]int{}, map[media.Kind][]int{}}
	last := map[[2]int]uint16{}
	for {
		packet, err := p.Recv(ctx)
		if err != nil {
			return out
		}
		for len(out.packets[packet.Kind]) <= int(packet.Layer) {
			out.packets[packet.Kind] = append(out.packets[packet.Kind], 0)
			out.losses[packet.Kind] = append(out.losses[packet.Kind], 0)
		}
		key := [2]int{int(packet.Kind), int(packet.Layer)}
		step := packet.Sequence - last[key]
		if _, begun := last[key]; begun && (step != 1) != packet.Lost {
			t.Errorf("%s %d: a step of %d, lost %v", packet.Kind, packet.Layer, step, packet.Lost)
		}
		last[key] = packet.Sequence
		out.packets[packet.Kind][packet.Layer]++
		if packet.Lost {
			out.losses[packet.Kind][packet.Layer]++
		}
	}
}

func both() rtctest.Options { return rtctest.Options{VideoMIME: "video/H264", AudioMIME: "audio/opus"} }

func TestPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := serve(t, n, rtc.Limits{})
		e, p := publish(t, n, s, both())
		<-e.Connected
		done := make(chan struct{})
		go func() {
			e.Movie(t, 3*time.Second, 4)
			time.Sleep(time.Second)
			close(done)
		}()
		got := collect(t, p, done)
		if v, a := got.packets[media.KindVideo], got.packets[media.KindAudio]; len(v) != 1 || v[0] != 360 || a[0] != 150 {
			t.Errorf("%+v", got)
		}
		if st := s.Stats(); st.HalfOpen != 0 || st.Publishers != 1 {
			t.Errorf("%+v", st)
		}
		p.Close(errors.New("enough"))
		<-e.Lost
	})
}

// R19: a tenth of all datagrams is lost both ways, and they overtake each other.
func TestLoss(t *testing.T) {
	for _, c := range []struct {
		name     string
		to, from rtctest.Fate
		// residual is the share of video packets that may be missing in the end.
		residual float64
	}{
		{"10 % both ways", rtctest.Loss(0.1, 1), rtctest.Loss(0.1, 2), 0.001},
		{"50 ms of jitter", rtctest.Jitter(50*time.Millisecond, 3), nil, 0.0005}, // the first packet may come second
		{"10 % and 200 ms of jitter", rtctest.Both(rtctest.Loss(0.1, 4), rtctest.Jitter(200*time.Millisecond, 5)), rtctest.Loss(0.1, 6), 0.002},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := rtctest.NewNetwork(t)
				s := serve(t, n, rtc.Limits{})
				e, p := publish(t, n, s, both())
				<-e.Connected
				n.Impair(c.to, c.from)
				done := make(chan struct{})
				go func() {
					e.Movie(t, 20*time.Second, 8)
					time.Sleep(time.Second)
					close(done)
				}()
				got := collect(t, p, done)
				const sent = 20 * 30 * 8
				video := got.packets[media.KindVideo][0]
				if missing := float64(sent-video) / sent; missing > c.residual {
					t.Errorf("%d of %d video packets are missing (%.2f %%), %d times", sent-video, sent, missing*100, got.losses[media.KindVideo][0])
				}
				t.Logf("%d of %d video packets, %d losses; %d of 1000 audio packets; %d PLI; %+v", video, sent,
					got.losses[media.KindVideo][0], got.packets[media.KindAudio][0], len(e.Plis), p.Stats())
				n.Impair(nil, nil)
				p.Close(errors.New("enough"))
			})
		})
	}
}

// Three layers come under the names and in the order in which they were offered.
func TestSimulcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := serve(t, n, rtc.Limits{})
		o := both()
		o.RIDs = []string{"low", "mid", "high"}
		e, p := publish(t, n, s, o)
		if m := p.Media(); len(m) != 2 || !slices.Equal(m[1].Layers, o.RIDs) {
			t.Fatalf("%+v", m)
		}
		<-e.Connected
		done := make(chan struct{})
		go func() {
			e.Movie(t, 2*time.Second, 3)
			p.RequestKeyframe(2)
			time.Sleep(time.Second)
			close(done)
		}()
		got := collect(t, p, done)
		if v := got.packets[media.KindVideo]; !slices.Equal(v, []int{180, 180, 180}) {
			t.Errorf("%v", v)
		}
		if n := len(e.Plis); n != 1 {
			t.Errorf("%d requests for a key frame", n)
		}
	})
}

// Keyframe requests go out twice a second at most, and none is forgotten.
func TestKeyframes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := serve(t, n, rtc.Limits{})
		e, p := publish(t, n, s, both())
		<-e.Connected
		done := make(chan struct{})
		go func() {
			e.Movie(t, 100*time.Millisecond, 1)
			for range 300 {
				p.RequestKeyframe(0)
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(time.Second)
			close(done)
		}()
		collect(t, p, done)
		if n := len(e.Plis); n != 7 {
			t.Errorf("%d requests in 3 s", n)
		}
	})
}

// Where answers take long, so does a key frame, which is not asked for again meanwhile.
func TestKeyframesTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := serve(t, n, rtc.Limits{})
		e, p := publish(t, n, s, both())
		<-e.Connected
		late := func([]byte) (bool, time.Duration) { return true, 140 * time.Millisecond }
		n.Impair(rtctest.Both(rtctest.Loss(0.1, 1), late), late)
		done := make(chan struct{})
		go func() {
			e.Movie(t, 5*time.Second, 4) // the answers: 300 ms
			for len(e.Plis) > 0 {
				<-e.Plis
			}
			go e.Continue(t, 6*time.Second, 4)
			for range 500 {
				p.RequestKeyframe(0)
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(2 * time.Second)
			close(done)
		}()
		collect(t, p, done)
		if n := len(e.Plis); n < 4 || n > 6 {
			t.Errorf("%d requests in 5 s", n)
		}
	})
}

// R3: a publisher restarts ICE and its media goes on.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := serve(t, n, rtc.Limits{})
		e, p := publish(t, n, s, both())
		<-e.Connected
		done := make(chan struct{})
		go func() {
			defer close(done)
			moving := make(chan struct{})
			go func() { e.Movie(t, 4*time.Second, 4); close(moving) }()
			time.Sleep(time.Second)
			before := p.ICE()
			fragment, accept := e.Restart(t)
			f, err := rtc.ParseFragment([]byte(fragment))
			if err != nil {
				t.Error(err)
				return
			}
			answer, err := p.Restart(t.Context(), f)
			if err != nil || p.ICE() == before {
				t.Error(err, p.ICE())
				return
			}
			accept(answer)
			if again, err := p.Restart(t.Context(), f); err != nil || again != "" {
				t.Errorf("a repeated request: %q, %v", again, err)
			}
			<-moving
			time.Sleep(time.Second)
		}()
		got := collect(t, p, done)
		if v := got.packets[media.KindVideo][0]; v < 470 || got.losses[media.KindVideo][0] > 1 {
			t.Errorf("%+v", got)
		}
		t.Logf("%+v", got)
	})
}

// A publisher that never sends anything is let go, and its place is free then.
func TestHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := serve(t, n, rtc.Limits{HalfOpen: 3, HalfOpenPerAddr: 2})
		offer := func() *rtc.Offer {
			o := both()
			o.Net = n.Client()
			e := rtctest.NewEncoder(t, o)
			offer, err := rtc.ParseOffer([]byte(e.Offer(t)))
			if err != nil {
				t.Fatal(err)
			}
			return offer
		}
		one := offer()
		var all []*rtc.Publisher
		for i, from := range []string{"10.0.1.2", "10.0.1.2", "10.0.1.2", "10.0.1.3", "10.0.1.4"} {
			p, err := s.Publish(t.Context(), one, netip.MustParseAddr(from))
			var refusal *rtc.Refusal
			if busy := errors.As(err, &refusal) && refusal.Reason == rtc.Busy; busy != (i == 2 || i == 4) {
				t.Errorf("%d: %v", i, err)
			}
			if p != nil {
				all = append(all, p)
			}
		}
		began := time.Now()
		for _, p := range all {
			<-p.Done()
			if !errors.Is(p.Why(), rtc.ErrUnreachable) || time.Since(began) != 10*time.Second {
				t.Errorf("%v after %v", p.Why(), time.Since(began))
			}
			p.Close(nil)
		}
		if st := s.Stats(); st.HalfOpen != 0 || st.Publishers != 0 || st.Refused != 2 {
			t.Errorf("%+v", st)
		}

		e, p := publish(t, n, s, both()) // connects and says nothing
		<-e.Connected
		began = time.Now()
		<-p.Done()
		if took := time.Since(began); !errors.Is(p.Why(), rtc.ErrSilent) || took < 9*time.Second || took > 10*time.Second {
			t.Errorf("%v after %v", p.Why(), took)
		}
	})
}

// A publisher whose network is gone is given up; one that says goodbye, at once.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := serve(t, n, rtc.Limits{})
		lost := func(leave func(e *rtctest.Encoder)) time.Duration {
			e, p := publish(t, n, s, both())
			<-e.Connected
			e.Movie(t, time.Second, 1)
			began := time.Now()
			leave(e)
			<-p.Done()
			if !errors.Is(p.Why(), rtc.ErrGone) {
				t.Error(p.Why())
			}
			p.Close(nil)
			return time.Since(began)
		}
		nothing := func([]byte) (bool, time.Duration) { return false, 0 }
		if took := lost(func(*rtctest.Encoder) { n.Impair(nothing, nothing) }); took < 12*time.Second || took > 18*time.Second {
			t.Errorf("it took %v to give up", took)
		}
		n.Impair(nil, nil)
		if took := lost(func(e *rtctest.Encoder) { _ = e.PC.Close() }); took > 100*time.Millisecond {
			t.Errorf("it took %v to notice", took)
		}
	})
}

// T11: strangers get no answer.
func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := serve(t, n, rtc.Limits{})
		o := both()
		o.Net = n.Client()
		offer, err := rtc.ParseOffer([]byte(rtctest.NewEncoder(t, o).Offer(t)))
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.Publish(t.Context(), offer, remote()) // the encoder is never told
		if err != nil {
			t.Fatal(err)
		}
		sent := 0
		n.Impair(nil, func([]byte) (bool, time.Duration) { sent++; return true, 0 })
		stranger, err := n.Client().ListenPacket("udp4", "0.0.0.0:0")
		if err != nil {
			t.Fatal(err)
		}
		defer stranger.Close()
		server, err := net.ResolveUDPAddr("udp4", rtctest.Server)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range [][]byte{
			nil,
			{0},
			append([]byte{22, 254, 253}, make([]byte, 200)...), // DTLS
			append([]byte{128, 96}, make([]byte, 200)...),      // RTP
			check(p.ICE()+":abcd", nil),
			check("nobody:abcd", nil),
			check("", nil),
			check(p.ICE()+":abcd", []byte{0, 6, 255, 255}),
		} {
			for range 100 {
				if _, err := stranger.WriteTo(d, server); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(time.Second)
		if sent != 0 {
			t.Errorf("%d datagrams were answered", sent)
		}
	})
}

// check is a Binding request without integrity.
func check(username string, rest []byte) []byte {
	b := []byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	if username != "" {
		b = append(b, 0, 6, 0, byte(len(username)))
		b = append(b, username...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	b = append(b, rest...)
	b[3] = byte(len(b) - 20)
	return b
}

// R3: the path is gone for 4 s, then ICE is restarted: media is back within a second,
// and nothing of it is from another session.
func TestPathChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rtctest.NewNetwork(t)
		s := serve(t, n, rtc.Limits{})
		e, p := publish(t, n, s, both())
		<-e.Connected
		arrivals := make(chan time.Time, 10000)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			for {
				packet, err := p.Recv(ctx)
				if err != nil {
					close(arrivals)
					return
				}
				if packet.Kind == media.KindVideo {
					arrivals <- packet.Arrived
				}
			}
		}()
		go e.Movie(t, 10*time.Second, 2)
		time.Sleep(2 * time.Second)
		nothing := func([]byte) (bool, time.Duration) { return false, 0 }
		n.Impair(nothing, nothing)
		time.Sleep(4 * time.Second)
		n.Impair(nil, nil)
		restarted := time.Now()
		fragment, accept := e.Restart(t)
		f, err := rtc.ParseFragment([]byte(fragment))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := p.Restart(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		accept(answer)
		time.Sleep(4 * time.Second)
		cancel()
		var back time.Duration
		for at := range arrivals {
			if back == 0 && at.After(restarted) {
				back = at.Sub(restarted)
			}
		}
		if back == 0 || back > time.Second {
			t.Errorf("media was back %v after the restart", back)
		}
		t.Logf("media was back %v after the restart", back)
		if p.Why() != nil {
			t.Error(p.Why())
		}
	})
}
