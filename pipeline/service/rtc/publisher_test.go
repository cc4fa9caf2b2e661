package rtc_test

import (
	"context"
	"errors"
	"net/netip"
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
