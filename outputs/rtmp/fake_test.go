package rtmp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/pipeline/bitstream/flv"
	"weir/pipeline/media"
	"weir/pipeline/service/rtmpd"
	"weir/pipeline/stagetest"
)

// fake is a server and the session with it.
type fake struct {
	mu    sync.Mutex // guards what follows
	out   []rtmpd.Message
	got   []rtmpd.Message
	flow  rtmpd.Flow
	takes map[string]bool
	err   error
	hangs chan struct{} // Flush waits for it; nil: no
	done  chan struct{}
}

func newFake() *fake { return &fake{done: make(chan struct{})} }

func (f *fake) Append(m rtmpd.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	m.Payload = append([]byte(nil), m.Payload...)
	f.out = append(f.out, m)
	return f.err
}

func (f *fake) Flush() error {
	if f.hangs != nil {
		select {
		case <-f.hangs:
		case <-f.done:
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.out {
		f.flow.Sent += uint64(len(m.Payload))
	}
	f.got, f.out = append(f.got, f.out...), nil
	f.flow.Arrived = f.flow.Sent
	return f.err
}

func (f *fake) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *fake) Takes(four string) (takes, said bool) { return f.takes[four], f.takes != nil }

func (f *fake) Flow() rtmpd.Flow {
	f.mu.Lock()
	defer f.mu.Unlock()
	flow := f.flow
	flow.Waiting = f.hangs != nil
	return flow
}

func (f *fake) Abort(why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = why
		close(f.done)
	}
}

func (f *fake) Close() error { f.Abort(net.ErrClosed); return nil }

func (f *fake) Done() <-chan struct{} { return f.done }

func (f *fake) messages(typ flv.Type) (ms []rtmpd.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.got {
		if m.Type == uint8(typ) {
			ms = append(ms, m)
		}
	}
	return ms
}

// served is a target whose dialler is given.
func served(t *testing.T, dial dialer) *target {
	t.Helper()
	return &target{
		endpoint: endpoint{role: "primary"}, dial: dial,
		hold: newHold(3*time.Second, 8<<20, nil), log: slog.New(slog.DiscardHandler),
	}
}

// A target that is lost is dialled again; the next session begins with headers and the
// key frame of the GOP in which it was lost, at the times that the stream has.
func TestReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var sessions []*fake
		tg := served(t, func(context.Context, endpoint) (session, error) {
			f := newFake()
			sessions = append(sessions, f)
			return f, nil
		})
		done := make(chan struct{})
		go func() { defer close(done); tg.run(ctx) }()
		play(tg.hold, 0, 2500*time.Millisecond)
		sessions[0].Abort(errors.New("reset"))
		play(tg.hold, 2500*time.Millisecond, 2*time.Second)
		if len(sessions) != 2 {
			t.Fatalf("%d sessions", len(sessions))
		}
		v := sessions[1].messages(flv.Video)
		if len(v) < 60 || v[0].Payload[1] != 0 || v[1].Payload[0]>>4 != 1 || v[1].Timestamp != 2000 {
			t.Errorf("%d pictures, the first at %d", len(v), v[1].Timestamp)
		}
		for i := 2; i < len(v); i++ {
			if d := v[i].Timestamp - v[i-1].Timestamp; d != 33 && d != 34 {
				t.Errorf("picture %d is %d ms behind the one before", i, d)
			}
		}
		if d := sessions[1].messages(flv.Script); len(d) != 1 {
			t.Errorf("%d metadata", len(d))
		}
		s := tg.status.snapshot()
		if s.State != Live || s.Sessions != 2 || s.Lost["connection_lost"] != 1 {
			t.Errorf("%+v", s)
		}
		cancel()
		<-done
		time.Sleep(2 * farewell)
	})
}

// play pushes a part of a movie, at its own pace.
func play(h *hold, from, d time.Duration) {
	began := time.Now()
	for _, item := range stagetest.MovieFrom(stagetest.Both(), 0, from+d) {
		u, ok := item.(*media.Unit)
		if !ok || u.Time() < from {
			continue
		}
		time.Sleep(time.Until(began.Add(u.Time() - from)))
		u.Arrived = time.Now()
		h.push(u)
	}
}

// A target that hangs is stalled after two seconds and given up within ten.
func TestHanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var sessions []*fake
		tg := served(t, func(context.Context, endpoint) (session, error) {
			f := newFake()
			if len(sessions) == 0 {
				f.hangs = make(chan struct{})
			}
			sessions = append(sessions, f)
			return f, nil
		})
		done := make(chan struct{})
		go func() { defer close(done); tg.run(ctx) }()
		play(tg.hold, 0, 3*time.Second)
		if s := tg.status.snapshot(); s.State != Stalled {
			t.Errorf("after 3 s: %v", s.State)
		}
		play(tg.hold, 3*time.Second, 7*time.Second)
		s := tg.status.snapshot()
		if s.State != Live || s.Sessions != 2 || s.Lost["stalled"] != 1 {
			t.Errorf("after 10 s: %+v", s)
		}
		if late, _, _, _ := tg.hold.state(); late > 3*time.Second {
			t.Errorf("%v late", late)
		}
		v := sessions[1].messages(flv.Video)
		if v[1].Payload[0]>>4 != 1 {
			t.Error("does not begin with a key frame")
		}
		cancel()
		<-done
		time.Sleep(2 * farewell)
	})
}

// Refusals are tried again soon at first, as they may be about our own last session,
// then seldom; other failures after 1 to 30 s.
func TestRetry(t *testing.T) {
	var r retry
	for i, want := range []struct {
		wait time.Duration
		is   bool
	}{{time.Second, false}, {2 * time.Second, false}, {refusedWait, true}, {refusedWait, true}} {
		f := faultOf(&rtmpd.DialError{Step: rtmpd.StepPublish, Err: rtmpd.BadName("no")})
		if got := r.after(&f, 0); got > want.wait || got < want.wait*3/4 || f.Permanent != want.is || f.Reason != "bad_name" {
			t.Errorf("refusal %d: %v, %+v", i, got, f)
		}
	}
	r = retry{}
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30, 30} {
		f := fault{Reason: "x"}
		if got := r.after(&f, 0); got > want*time.Second || got < want*time.Second*3/4 {
			t.Errorf("failure %d: %v", i, got)
		}
	}
}

// A server that says what it takes is not sent anything else.
func TestUnsupportedCodec(t *testing.T) {
	f := newFake()
	f.takes = map[string]bool{"avc1": true}
	track := &media.Track{ID: "audio", Codec: media.CodecOpus, Form: media.FormAccess, Rate: 48_000, Channels: 2, Config: []byte("OpusHead")}
	w := writer{pen: f}
	err := w.unit(&media.Unit{Track: track, Access: [][]byte{{0xfc, 0xff, 0xfe}}})
	if got := faultOf(err); got.Reason != "codec_unsupported" {
		t.Errorf("%v: %+v", err, got)
	}
}
